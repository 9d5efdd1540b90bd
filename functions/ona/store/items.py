"""Items of tables as models, and changing one under a condition.

An item's class says which attributes it has. It is strict where we make an item, and tolerant where we read
one: while a new version is deployed, old and new functions work on the same items, so attributes that a
later version wrote are passed over, and a change touches only what differs.

>>> class Counter(TableItem):
...     name: str
...     version: int = 0
>>> Counter.read({"name": "visits", "version": 3, "colour": "from a later version"}, "table counters")
Counter(name='visits', version=3)

A `Table` is declared once. `edit` is the one way to change an item on a condition:

    CREWS = Table("CREWS_TABLE", "crew_id", Crew.read)

    def absent(crew: Crew | None) -> Crew | None:
        return crew and crew.model_copy(update={"status": "absent", "version": crew.version + 1})

    CREWS.edit("crew-001", absent)  # reads, changes, writes on the condition; up to five times
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AwareDatetime, ConfigDict, PlainSerializer, ValidationError, model_validator

from ona.documents.base import Document, problems_of
from ona.runtime.aws import environment
from ona.runtime.clock import iso
from ona.runtime.errors import DependencyBusy, InvalidPayload
from ona.store import tables, unreadable
from ona.store.tables import Write, assignment, to_item
from ona.store.unreadable import Unreadable

TRIES = 5
"""So often a change that others came before is made anew; a conflict is over in milliseconds."""

MOST_WHOLE = 10**15
"""The largest whole number of an item (ours). DynamoDB holds 1E+125 and boto3 reads it, but writes back no
number of more than 38 digits (Developer Guide, "Supported data types", number)."""

Moment = Annotated[AwareDatetime, PlainSerializer(iso, return_type=str, when_used="json")]
"""A time as all tables have it: UTC, to the second, so that its text sorts as it does."""


class TableItem(Document):
    """Base of items, and of what lies in them. A whole number is at most `MOST_WHOLE`, whoever wrote it: an
    item that could be read and not written back would cost every write that names it, not itself alone."""

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _can_be_written_back(self) -> Self:
        for name, value in self:
            if isinstance(value, int) and abs(value) > MOST_WHOLE:
                raise ValueError(f"{name} must be at most {MOST_WHOLE} in size")
        return self

    @classmethod
    def read(cls, value: Any, where: str = "table") -> Self:
        """Make the model of a stored item. Raises InvalidPayload, which names every wrong attribute."""
        try:
            return cls.model_validate(value, extra="ignore")
        except ValidationError as error:
            raise InvalidPayload(
                f"{where}: no valid {cls.__name__}: {problems_of(error, 'item')}"
            ) from error

    def item(self) -> dict[str, Any]:
        """The attributes as they are stored; one that is None is not there."""
        attributes = self.model_dump(mode="json", by_alias=True)
        return {name: value for name, value in attributes.items() if value is not None}


ItemT = TypeVar("ItemT", bound=TableItem)


@dataclass(frozen=True)
class Edit(Generic[ItemT]):
    """A changed item, with writes of other items that are made together with it or not at all."""

    item: ItemT
    together: Sequence[Write] = ()


class Table(Generic[ItemT]):
    """A table of items of one class. `variable`: the environment variable that names it; `key`: its key
    attribute; `counters`: attributes that count changes up. A change is refused when one of them is no
    longer what was read."""

    def __init__(
        self,
        variable: str,
        key: str,
        parse: Callable[[Any, str], ItemT],
        counters: Sequence[str] = ("version",),
    ) -> None:
        self.variable, self.key, self.counters = variable, key, counters
        self._parse = parse

    @property
    def name(self) -> str:
        """The table's name. Raises InvalidConfiguration where the environment has none."""
        return environment(self.variable)

    # ------------------------------------------------------------------ reading

    def get(self, key: str) -> ItemT | None:
        """One item, read consistently; None when there is none. Raises DependencyBusy, InvalidPayload."""
        item = tables.get(self.name, {self.key: key})
        return None if item is None else self.parsed(item)

    def scan(self, bad: list[Unreadable] | None = None) -> list[ItemT]:
        """Every item of a small table. An item that is no valid one is put aside (`ona.store.unreadable`),
        into `bad` too. Raises DependencyBusy."""
        return self.readable(tables.scan(self.name), bad)

    def query(
        self, index: str, attribute: str, value: str, bad: list[Unreadable] | None = None
    ) -> list[ItemT]:
        """All items of an index with one key, those aside that are no valid ones. Raises DependencyBusy."""
        return self.readable(tables.query(self.name, index, attribute, value), bad)

    def page(
        self, index: str, attribute: str, value: str, limit: int, after: Mapping[str, str] | None
    ) -> tuple[list[ItemT], dict[str, str] | None]:
        """One page of an index's items with one key, the last first, and the key that the next page begins
        after. An item that is no valid one is put aside. Raises DependencyBusy."""
        start = dict(after) if after else None
        items, last = tables.page(self.name, index, attribute, value, limit, start)
        return self.readable(items), last

    def readable(self, items: Iterable[dict[str, Any]], bad: list[Unreadable] | None = None) -> list[ItemT]:
        """The models of stored items, those aside that are no valid ones (`ona.store.unreadable`)."""
        named = ((f"table {self.name}, {item.get(self.key)}", item) for item in items)
        return unreadable.readable(named, self.parsed, bad)

    def parsed(self, item: dict[str, Any]) -> ItemT:
        """The model of a stored item. Raises InvalidPayload."""
        return self._parse(item, f"table {self.name}, {item.get(self.key)}")

    # ------------------------------------------------------------------ changing

    def edit(
        self,
        key: str,
        change: Callable[[ItemT | None], ItemT | Edit[ItemT] | None],
        *,
        read: ItemT | None = None,
        find: Callable[[], ItemT | None] | None = None,
        busy: Callable[[str], Exception] = DependencyBusy,
    ) -> ItemT | None:
        """Change one item, unless somebody else changed it since it was read: then read and change again.

        `change` gets the item, or None where there is none. It returns the changed item, one of whose
        counters it counted up; or an `Edit`; or None where there is nothing to change. `read`: the item as
        the caller has read it, for the first try. `find`: how to read it where `key` is not the item's own.
        Returns the item as it stands then.

        Raises what `busy` makes after `TRIES` conflicts, and DependencyBusy.
        """
        for attempt in range(TRIES):
            if read is not None and attempt == 0:
                before: ItemT | None = read
            else:
                before = find() if find else self.get(key)
            answer = change(before)
            if answer is None:
                return before
            edit = answer if isinstance(answer, Edit) else Edit(answer)
            if self._write(self.changed(before, edit.item), edit.together):
                return self.parsed(edit.item.item())
        raise busy(f"{key} keeps changing")

    def insertion(self, item: ItemT) -> Write:
        """A new item, refused where there is one already."""
        names, _, condition = self._unchanged(None)
        return Write(
            "Put",
            {
                "TableName": self.name,
                "Item": to_item(item.item()),
                "ExpressionAttributeNames": names,
                "ConditionExpression": condition,
            },
        )

    def changed(self, before: ItemT | None, after: ItemT) -> Write:
        """What differs between two states of an item, refused when it was changed since it was read."""
        old, new = before.item() if before else {}, after.item()
        if before and all(old.get(name) == new.get(name) for name in self.counters):
            raise ValueError(f"a change of {new[self.key]} must count up {' or '.join(self.counters)}")
        sets = {name: value for name, value in new.items() if old.get(name) != value and name != self.key}
        # a list that only grew: its lines stay as they are, also what we do not know of them
        appends = {
            name: value[len(old[name]) :]
            for name, value in sets.items()
            if isinstance(value, list) and old.get(name) and value[: len(old[name])] == old[name]
        }
        update = assignment(
            {name: value for name, value in sets.items() if name not in appends},
            removes=[name for name in old if name not in new],
            appends=appends,
        )
        names, values, condition = self._unchanged(before)
        return Write(
            "Update",
            {
                "TableName": self.name,
                "Key": to_item({self.key: new[self.key]}),
                "UpdateExpression": update.expression,
                "ExpressionAttributeNames": {**update.names, **names},
                "ExpressionAttributeValues": to_item({**update.values, **values}),
                "ConditionExpression": condition,
            },
        )

    def unchanged(self, item: ItemT) -> Write:
        """Nothing is written; the transaction is refused when the item was changed since it was read."""
        names, values, condition = self._unchanged(item)
        return Write(
            "ConditionCheck",
            {
                "TableName": self.name,
                "Key": to_item({self.key: item.item()[self.key]}),
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": to_item(values),
                "ConditionExpression": condition,
            },
        )

    def deletion(self, key: str, attribute: str = "", value: str | int = "") -> Write:
        """An item less; refused where `attribute` is named and has another value by then."""
        fields: dict[str, Any] = {"TableName": self.name, "Key": to_item({self.key: key})}
        if attribute:
            fields["ConditionExpression"] = "#attribute = :value"
            fields["ExpressionAttributeNames"] = {"#attribute": attribute}
            fields["ExpressionAttributeValues"] = to_item({":value": value})
        return Write("Delete", fields)

    def _unchanged(self, item: ItemT | None) -> tuple[dict[str, str], dict[str, Any], str]:
        """Names, values and text of the condition that an item is as it was read: that its counters are. A
        counter that nobody counted up yet is 0, or not there."""
        if item is None:
            return {"#key": self.key}, {}, "attribute_not_exists(#key)"
        seen = item.item()
        names = {"#key": self.key, **{f"#seen_{name}": name for name in self.counters}}
        values = {f":seen_{name}": seen[name] for name in self.counters}
        parts = ["attribute_exists(#key)"]
        for name in self.counters:
            same = f"#seen_{name} = :seen_{name}"
            parts.append(same if seen[name] else f"({same} OR attribute_not_exists(#seen_{name}))")
        return names, values, " AND ".join(parts)

    def _write(self, update: Write, together: Sequence[Write]) -> bool:
        """Whether an item could be written: alone where nothing goes with it, else in one transaction."""
        if together:
            return tables.transact([update, *together])
        return tables.update_if(update)
