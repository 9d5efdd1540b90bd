"""Items of tables: read tolerantly, changed on a condition, tried again when somebody was faster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ona.runtime import aws
from ona.runtime.errors import CrewBookingConflict, DependencyBusy, InvalidPayload
from ona.store import tables
from ona.store.items import TRIES, Edit, Table, TableItem
from ona.store.unreadable import Unreadable
from tests.fakes.tables import create_table


class Log(TableItem):
    name: str
    lines: list[str] = []
    note: str | None = None
    version: int = 0


LOGS = Table("LOGS_TABLE", "name", Log.read)


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LOGS_TABLE", "logs")
    with mock_aws():
        aws.client.cache_clear()
        create_table("logs", "name")
        yield
    aws.client.cache_clear()


def with_line(log: Log | None, line: str) -> Log:
    log = log or Log(name="a")
    return log.model_copy(update={"lines": [*log.lines, line], "version": log.version + 1})


def test_an_item_is_made_then_changed() -> None:
    assert LOGS.edit("a", lambda log: with_line(log, "first")) == Log(name="a", lines=["first"], version=1)
    LOGS.edit("a", lambda log: with_line(log, "second"))
    assert LOGS.get("a") == Log(name="a", lines=["first", "second"], version=2)
    assert LOGS.edit("b", lambda log: None) is None, "nothing to change, nothing made"


def test_a_change_after_a_conflict_is_made_again_on_the_newer_item() -> None:
    LOGS.edit("a", lambda log: with_line(log, "first"))
    seen: list[int] = []

    def meanwhile(log: Log | None) -> Log:
        assert log is not None
        seen.append(log.version)
        if len(seen) <= 2:
            LOGS.edit("a", lambda other: with_line(other, f"other {len(seen)}"))
        return with_line(log, "mine")

    LOGS.edit("a", meanwhile)
    log = LOGS.get("a")
    assert log is not None
    assert (seen, log.lines) == ([1, 2, 3], ["first", "other 1", "other 2", "mine"])


@pytest.mark.parametrize("made", [True, False])
def test_a_change_that_always_conflicts_raises_the_given_error(made: bool) -> None:
    if made:
        LOGS.edit("a", lambda log: with_line(log, "first"))
    tries: list[int] = []

    def too_late(log: Log | None) -> Log:
        tries.append(1)
        LOGS.edit("a", lambda other: with_line(other, "other"))
        return with_line(log, "mine")

    with pytest.raises(CrewBookingConflict, match="a keeps changing"):
        LOGS.edit("a", too_late, busy=CrewBookingConflict)
    assert len(tries) == TRIES
    with pytest.raises(DependencyBusy):
        LOGS.edit("a", too_late)
    log = LOGS.get("a")
    assert log is not None
    assert "mine" not in log.lines


def test_the_callers_item_is_tried_first_and_a_stale_one_is_read_again() -> None:
    old = LOGS.edit("a", lambda log: with_line(log, "first"))
    LOGS.edit("a", lambda log: with_line(log, "other"))
    seen: list[int] = []

    def change(log: Log | None) -> Log:
        seen.append(log.version if log else 0)
        return with_line(log, "mine")

    LOGS.edit("a", change, read=old)
    assert seen == [1, 2]


def test_a_transaction_writes_all_items_or_none() -> None:
    LOGS.edit("b", lambda log: Log(name="b", version=1))
    taken = LOGS.insertion(Log(name="b"))
    with pytest.raises(DependencyBusy):
        LOGS.edit("a", lambda log: Edit(with_line(log, "mine"), [taken]))
    assert LOGS.get("a") is None
    free = LOGS.insertion(Log(name="c"))
    LOGS.edit("a", lambda log: Edit(with_line(log, "mine"), [free]))
    assert LOGS.get("a") is not None
    assert LOGS.get("c") is not None


def test_attributes_of_a_later_version_are_read_over_and_stay() -> None:
    tables.put("logs", {"name": "a", "lines": ["first"], "note": "x", "version": 4, "colour": "red"})
    LOGS.edit("a", lambda log: log and with_line(log, "mine").model_copy(update={"note": None}))
    assert tables.get("logs", {"name": "a"}) == {
        "name": "a",
        "lines": ["first", "mine"],
        "version": 5,
        "colour": "red",
    }


def test_an_item_without_a_version_can_be_changed_and_a_deleted_one_cannot() -> None:
    tables.put("logs", {"name": "a"})
    log = LOGS.get("a")
    LOGS.edit("a", lambda log: with_line(log, "mine"))
    assert log is not None
    assert not tables.transact([LOGS.unchanged(log)]), "it was counted meanwhile"
    boto3.client("dynamodb").delete_item(TableName="logs", Key={"name": {"S": "a"}})
    assert not tables.transact([LOGS.unchanged(log)])
    assert not tables.update_if(LOGS.changed(log, with_line(log, "mine")))


def test_a_change_that_counts_no_version_up_is_a_programming_error() -> None:
    log = LOGS.edit("a", lambda log: with_line(log, "first"))
    assert log is not None
    with pytest.raises(ValueError, match="must count up version"):
        LOGS.changed(log, log.model_copy(update={"note": "lost"}))


def test_an_item_that_is_wrong_is_named() -> None:
    tables.put("logs", {"name": "a", "version": "many"})
    with pytest.raises(InvalidPayload, match="table logs, a: no valid Log: version"):
        LOGS.get("a")


NUMBERS = ["1" + "0" * 120, "9" * 38, "-0." + "0" * 119 + "1", "1E+125", "0", "-7", "0.1"]
"""Numbers of DynamoDB, which writes them out: up to 38 digits and magnitudes to 9.9E+125 (Developer Guide,
"Supported data types")."""


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_dynamodb_keeps_stops_no_scan(number: str) -> None:
    """boto3's own reading raises decimal.Rounded for the first: every loop over the table ended there."""
    tables.put("logs", {"name": "sound"})
    boto3.client("dynamodb").put_item(
        TableName="logs", Item={"name": {"S": "bad"}, "lines": {"N": number}, "extra": {"N": number}}
    )
    bad: list[Unreadable] = []
    assert [log.name for log in LOGS.scan(bad)] == ["sound"]
    assert [entry.where for entry in bad] == ["table logs, bad"]
    assert tables.from_item({"extra": {"N": number}})["extra"] == pytest.approx(float(number))


@pytest.mark.parametrize(
    "value",
    [{"B": b"\x00\xff"}, {"BS": [b"\xff"]}, {"SS": ["a"]}, {"NS": ["1"]}, {"L": [{"B": b"\xff"}]}],
    ids=["bytes", "a set of bytes", "a set of texts", "a set of numbers", "bytes in a list"],
)
@pytest.mark.parametrize("attribute", ["name", "version", "note"])
def test_a_value_of_another_type_can_be_named(value: dict[str, Any], attribute: str) -> None:
    """The text of boto3's own bytes cannot be made: whoever named such an item ended there."""
    read = tables.from_item({"name": {"S": "bad"}, attribute: value})
    assert f"{read[attribute]}"
    bad: list[Unreadable] = []
    assert [log.name for log in LOGS.readable([read, {"name": "sound"}], bad)] == ["sound"]
    assert len(bad) == 1
