"""What repairs really took, by customer and cause: items `experience#<cause>#<customer>` of the tracking
table.

Each verified order with reported hours or parts leaves one entry; the last twenty count. A report is a
customer's word, so it is weighed, not believed:

- it counts for the customer who made it, and for no other;
- one of no plausible size is set aside: more than ten times the usual hours, or more pieces than the
  catalogue allows in a repair (`most_a_repair`);
- of what is left the median speaks, and with fewer than three reports nothing does;
- it moves the usual value (`duration_hours` of `causes.yaml`; one piece) by n ÷ (n + 3) of the difference;
- planned hours stay between half the usual ones and twice as many.

>>> from ona.config.causes import cause_rules
>>> from ona.config.parts import Part
>>> fan = Part(sku="FAN", description="", component_type="fan", oem="*", model="*")
>>> two_each = Experience(pieces={"FAN": (2, 2, 3, 1000)})
>>> two_each.pieces_of(fan).planned, two_each.pieces_of(fan).set_aside
(2.0, 1)
>>> Experience(pieces={"FAN": (2, 3)}).pieces_of(fan).planned  # too few to say
1.0

Why so: docs/decisions/0025-experience-by-customer.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor
from statistics import median

from pydantic import Field

from ona.config.causes import CauseRule
from ona.config.parts import Part, parts_catalogue
from ona.documents.work_orders import Learned
from ona.repairs.tracking import ORDERS, VARIABLE, PartUsed, TrackedOrder
from ona.runtime.errors import InvalidPayload
from ona.store import tables
from ona.store.items import Table, TableItem
from ona.store.tables import Write, to_item
from ona.store.unreadable import note

REPAIRS_KEPT = 20
"""Repairs of a cause that count, the latest: what crews need changes with the years."""
ENOUGH = 3
"""Reports from which they are heard (ours): the median of three stands one that is wrong."""
USUAL_COUNTS = 3
"""The usual value weighs as much as so many reports (ours): it is somebody's experience too."""
LARGEST_RATIO = 10.0
"""A report of more than so many times the usual hours is a typing error, or worse (ours)."""
BOUND = 2.0
"""Planned hours are at most so many times the usual ones, and at least that part of them (ours)."""
STEP_H = 0.25
"""Hours: an estimate is a multiple of a quarter of an hour."""
HOURS = "duration_hours"
"""What the evidence of hours is called, as in `causes.yaml`."""
USUAL_PIECES = 1
"""Pieces of a part in a repair of which nothing is reported."""
PREFIX = "experience#"
"""How the keys of all items begin."""


@dataclass(frozen=True)
class Experience:
    """One customer's reported repairs of one cause: hours, and pieces by part, one a repair."""

    hours: tuple[float, ...] = ()
    pieces: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def duration(self, rule: CauseRule) -> Learned:
        """Hours that the next repair will take."""
        usual = rule.duration_hours
        weighed = _weighed(HOURS, usual, self.hours, most=usual * LARGEST_RATIO)
        if not weighed.weight:
            return weighed
        hours = min(max(weighed.planned, usual / BOUND), usual * BOUND)
        return weighed.model_copy(update={"planned": max(STEP_H, round(hours / STEP_H) * STEP_H)})

    def pieces_of(self, part: Part) -> Learned:
        """Pieces of a part that the next repair needs: at least one, at most what the catalogue allows."""
        reported = self.pieces.get(part.sku, ())
        weighed = _weighed(part.sku, USUAL_PIECES, reported, most=part.most_a_repair)
        return weighed.model_copy(update={"planned": float(max(1, floor(weighed.planned + 0.5)))})


def _weighed(what: str, usual: float, reported: Sequence[float], *, most: float) -> Learned:
    """The usual value, moved towards the median of the reports that are no larger than `most`."""
    plausible = [value for value in reported if 0 <= value <= most]
    count = len(plausible)
    middle = float(median(plausible)) if plausible else None
    weight = count / (count + USUAL_COUNTS) if count >= ENOUGH else 0.0
    return Learned(
        what=what,
        usual=usual,
        reports=count,
        set_aside=len(reported) - count,
        median=middle,
        weight=round(weight, 3),
        planned=usual + weight * ((middle if middle is not None else usual) - usual),
    )


NO_EXPERIENCE = Experience()
"""Of a cause of which the customer reported no repair yet: the configuration's values stand."""


def has_reports(evidence: Learned) -> bool:
    """Whether there is anything to show: reports that count, or that were set aside."""
    return evidence.reports + evidence.set_aside > 0


# ------------------------------------------------------------------ the items


class Repair(TableItem):
    """What one verified order really took."""

    work_order_id: str = Field(alias="order")
    hours: float | None = None
    parts: list[PartUsed] = []


class Repairs(TableItem):
    """A customer's latest repairs of one cause."""

    name: str = Field(alias="job_id")
    repairs: list[Repair] = []
    version: int = 0


REPAIRS = Table(VARIABLE, "job_id", Repairs.read)


def key_of(cause: str, customer_id: str) -> str:
    """The key of a customer's item.

    >>> key_of("inverter_failure", "customer-001")
    'experience#inverter_failure#customer-001'
    """
    return f"{PREFIX}{cause}#{customer_id}"


def of(customer_id: str, cause: str) -> Experience:
    """A customer's experience with a cause's repairs; none where its item is no valid one: the log names
    it. Raises DependencyBusy."""
    name = key_of(cause, customer_id)
    try:
        item = REPAIRS.get(name)
    except InvalidPayload as error:
        note(f"table {REPAIRS.name}, {name}", error)
        return NO_EXPERIENCE
    repairs = item.repairs if item else []
    pieces: dict[str, list[int]] = defaultdict(list)
    for repair in repairs:
        for part in repair.parts:
            pieces[part.sku].append(part.quantity)
    return Experience(
        tuple(repair.hours for repair in repairs if repair.hours),
        {sku: tuple(counts) for sku, counts in pieces.items()},
    )


def learn(order: TrackedOrder) -> None:
    """Keep what an order really took; the same order again changes nothing. Raises DependencyBusy,
    InvalidConfiguration."""
    if not order.cause or not (order.actual_hours or order.parts_used):
        return
    repair = Repair(
        work_order_id=order.work_order_id, hours=order.actual_hours, parts=order.parts_used or []
    )
    _add(key_of(order.cause, order.customer_id), [repair], later=True)


def _add(name: str, repairs: Iterable[Repair], *, later: bool) -> None:
    """Add repairs to a customer's item, each once; of parts only what the catalogue lists, because only
    that is ever ordered. `later`: than those that are there."""
    listed = {part.sku for part in parts_catalogue().parts}
    taught = [repair for repair in (_of_use(repair, listed) for repair in repairs) if repair is not None]

    def added(item: Repairs | None) -> Repairs | None:
        item = item or Repairs(name=name)
        known = {repair.work_order_id for repair in item.repairs}
        new = [repair for repair in taught if repair.work_order_id not in known]
        if not new:
            return None
        every = [*item.repairs, *new] if later else [*new, *item.repairs]
        return item.model_copy(update={"repairs": every[-REPAIRS_KEPT:], "version": item.version + 1})

    REPAIRS.edit(name, added)


def _of_use(repair: Repair, listed: Collection[str]) -> Repair | None:
    """A repair without what nobody can learn from; None where nothing is left."""
    used = [part for part in _summed(repair.parts) if part.sku in listed]
    return repair.model_copy(update={"parts": used}) if repair.hours or used else None


def _summed(parts: Iterable[PartUsed]) -> list[PartUsed]:
    """Each part once: however many lines a report has, it is one report."""
    pieces: Counter[str] = Counter()
    for part in parts:
        pieces[part.sku] += part.quantity
    return [PartUsed(sku=sku, quantity=quantity) for sku, quantity in pieces.items()]


# ------------------------------------------------------------------ items of before


def is_shared(name: str) -> bool:
    """Whether a key is that of an item of before, in which the repairs of all customers lie.

    >>> is_shared("experience#soiling"), is_shared(key_of("soiling", "")), is_shared("open#x")
    (True, False, False)
    """
    return name.startswith(PREFIX) and "#" not in name.removeprefix(PREFIX)


def divide(shared: Repairs) -> bool:
    """Give the repairs of an item of before to the customers whose orders they were, and delete it; False
    where somebody changed it meanwhile. A repair whose order is gone is nobody's: it is left out.

    Raises DependencyBusy, InvalidConfiguration.
    """
    by_customer: dict[str, list[Repair]] = defaultdict(list)
    for repair in shared.repairs:
        try:
            order = ORDERS.get(repair.work_order_id)
        except InvalidPayload:
            order = None
        if order is None:
            note(f"table {REPAIRS.name}, {shared.name}", f"no order {repair.work_order_id} can be read")
            continue
        by_customer[order.customer_id].append(repair)
    cause = shared.name.removeprefix(PREFIX)
    for customer_id, repairs in by_customer.items():
        _add(key_of(cause, customer_id), repairs, later=False)
    deletion = Write(
        "Delete",
        {
            "TableName": REPAIRS.name,
            "Key": to_item({"job_id": shared.name}),
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": to_item({":version": shared.version}),
        },
    )
    return tables.transact([deletion])
