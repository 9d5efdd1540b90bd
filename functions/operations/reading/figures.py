"""What a day, or a week, brought, in figures; from what the workflows wrote, not from their logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from ona.documents.base import Document
from ona.repairs.tracking import TrackedOrder
from ona.store.forecast_ids import beginning
from ona.store.unreadable import Unreadable
from operations.reading.failures import Failure, failures
from operations.reading.records import (
    REFUSED,
    SITE_DAYS,
    Cause,
    Detection,
    Diagnosis,
    Outcome,
    Records,
    SeenIncident,
)
from operations.reading.spending import Spent
from operations.reading.window import Window

_NOTHING_MADE = (REFUSED, "dismissed", "repeated")
"""Outcomes of files of which nothing was made."""
NO_FAULT = ("curtailment", "snow", "operation")
"""Kinds of incident that explain a loss and are no machine's fault (`ooda.documents.detections`)."""


class Files(Document):
    """What came of the files below one folder of the input bucket. `outcomes`: files by outcome; `mended`:
    when a refused file was accepted, which was put once more, UTC."""

    outcomes: dict[str, int]
    refused: int = Field(description="quarantined, dismissed by nobody, and not accepted since")
    mended: dict[str, datetime] = {}

    @property
    def number(self) -> int:
        """How many files there were."""
        return sum(self.outcomes.values())

    @property
    def accepted(self) -> int:
        """How many of them something was made of."""
        return self.number - sum(self.outcomes.get(word, 0) for word in _NOTHING_MADE)


class Incidents(Document):
    """Incidents that the files of the window had part in, each once, as it stood last."""

    faults: dict[str, int] = Field(description="by kind")
    open: int = Field(description="of these faults, those that last")
    no_fault: dict[str, int] = Field(description="curtailment, snow and operation explain a loss, by kind")
    suspected: int = Field(description="small losses that are not sure")
    superseded: int = Field(description="the site layer withdrew them, or merged them into others")
    assets: int = Field(description="machines with a fault")


class Forecasts(Document):
    """Forecasts that were issued in the window."""

    number: int
    sites: int
    without: list[str] = Field(description="customer/site of those that had none")


class Orders(Document):
    """Work orders of the window. `open`: at its end, or now."""

    opened: int
    completed: int
    verified: int
    cancelled: int
    open: int


class Money(Document):
    """USD, and USD a day."""

    found_usd_per_day: float = Field(description="what the causes found in the window lose, each once")
    lost_so_far_usd: float = Field(description="what these causes had lost by then")
    open_usd_per_day: float = Field(description="what open orders lose, as reckoned when they were opened")
    saved_usd_per_day: float = Field(description="the same of orders that telemetry verified in the window")
    causes: int


class Figures(Document):
    """Everything that a summary counts, of a window of time."""

    start: datetime
    end: datetime
    files: dict[str, Files] = Field(description="by the folder of the input bucket")
    site_days: int = Field(description="days of sites that were judged as a whole")
    failed: dict[str, int] = Field(description="executions that failed, by workflow")
    failures: list[Failure] = Field([], description="the same, the newest first")
    incidents: Incidents
    forecasts: Forecasts
    orders: Orders
    money: Money
    not_judged: list[str] = Field([], description="files with assets that could not be judged, and why")
    unreadable: list[str] = Field(description="where what could not be read lies")
    cost: Spent | None = Field(None, description="by list prices; None where nobody reckoned it")


@dataclass(frozen=True)
class Gathered:
    """What was read for a window."""

    outcomes: Sequence[Outcome]
    detections: Sequence[Detection]
    superseded: set[str]
    diagnoses: Sequence[Diagnosis]
    forecasts: Sequence[str]
    sites: Sequence[tuple[str, str]]
    orders: Sequence[TrackedOrder]
    failed: Sequence[Failure]
    bad: Sequence[Unreadable]


def of_window(records: Records, machines: Iterable[str], window: Window) -> Figures:
    """The figures of a window. `machines`: the workflows' ARNs. Raises botocore's errors."""
    return reckoned(gather(records, machines, window), window)


def gather(records: Records, machines: Iterable[str], window: Window) -> Gathered:
    """Read all that a summary counts. Raises botocore's errors."""
    before = len(records.bad)
    outcomes = records.outcomes(window)
    detections = records.detections(outcomes)
    return Gathered(
        outcomes=outcomes,
        detections=detections,
        superseded=records.superseded(detections),
        diagnoses=records.diagnoses(outcomes),
        forecasts=records.forecasts(window),
        sites=records.sites(),
        orders=records.orders(),
        failed=failures(records, machines, window, outcomes),
        bad=records.bad[before:],
    )


def reckoned(read: Gathered, window: Window) -> Figures:
    """The figures of what was read."""
    files = [one for one in read.outcomes if not one.source.key.startswith(SITE_DAYS)]
    return Figures(
        start=window.start,
        end=window.end,
        files={folder: _files(files, folder) for folder in sorted({_folder(one) for one in files})},
        site_days=len(read.outcomes) - len(files),
        failed=dict(sorted(Counter(one.workflow for one in read.failed).items())),
        failures=list(read.failed),
        incidents=_incidents(read),
        forecasts=_forecasts(read),
        orders=_orders(read.orders, window),
        money=_money(read, window),
        not_judged=[f"{one.source.key} ({one.not_judged})" for one in files if one.not_judged],
        unreadable=[entry.where for entry in read.bad],
    )


def _folder(outcome: Outcome) -> str:
    return outcome.source.key.partition("/")[0]


def _files(files: Iterable[Outcome], folder: str) -> Files:
    mine = [one for one in files if _folder(one) == folder]
    words = Counter("dismissed" if one.dismissed_at else one.outcome for one in mine)
    refused = [one for one in mine if one.outcome == REFUSED and not one.dismissed_at]
    ends = [
        (bad.source.key, min((one.at for one in mine if _same_again(one, bad)), default=None))
        for bad in refused
    ]
    left = [key for key, end in ends if end is None]
    mended = {key: end for key, end in ends if end is not None and key not in left}
    return Files(outcomes=dict(sorted(words.items())), refused=len(left), mended=mended)


def _same_again(one: Outcome, refused: Outcome) -> bool:
    """Whether a file was accepted under the key of one that was refused before."""
    made = one.outcome not in _NOTHING_MADE and not one.dismissed_at
    return made and one.source.key == refused.source.key and one.at > refused.at


def _incidents(read: Gathered) -> Incidents:
    last: dict[str, SeenIncident] = {}
    for record in sorted(read.detections, key=lambda one: one.generated_at):
        last.update({one.incident_id: one for asset in record.assets for one in asset.incidents})
    standing = [one for one in last.values() if one.incident_id not in read.superseded]
    sure = [one for one in standing if not one.suspected]
    faults = [one for one in sure if one.kind not in NO_FAULT]
    return Incidents(
        faults=_kinds(faults),
        open=sum(one.state == "open" for one in faults),
        no_fault=_kinds(one for one in sure if one.kind in NO_FAULT),
        suspected=len(standing) - len(sure),
        superseded=len(last) - len(standing),
        assets=len({one.asset_id for one in faults}),
    )


def _kinds(incidents: Iterable[SeenIncident]) -> dict[str, int]:
    return dict(sorted(Counter(one.kind for one in incidents).items()))


def _forecasts(read: Gathered) -> Forecasts:
    made = {forecast.rpartition("-")[0] + "-" for forecast in read.forecasts}
    without = [f"{owner}/{site}" for owner, site in read.sites if beginning(owner, site) not in made]
    return Forecasts(number=len(read.forecasts), sites=len(made), without=without)


def _orders(orders: Sequence[TrackedOrder], window: Window) -> Orders:
    return Orders(
        opened=sum(window.holds(order.created_at) for order in orders),
        completed=sum(window.holds(order.completed_at) for order in orders),
        verified=sum(window.holds(order.verified_at) for order in orders),
        cancelled=sum(window.holds(_cancelled_at(order)) for order in orders),
        open=sum(_is_open(order, window.end) for order in orders),
    )


def _cancelled_at(order: TrackedOrder) -> datetime | None:
    """When an order was cancelled; nothing but subscriptions changes afterwards."""
    lines = [line.at for line in order.history if line.status == "CANCELLED"]
    return min(lines, default=None) if order.status == "CANCELLED" else None


def _is_open(order: TrackedOrder, end: datetime) -> bool:
    """Whether an order was neither verified nor cancelled before a moment, and opened before it."""
    ended = order.verified_at or _cancelled_at(order)
    return order.created_at < end and (ended is None or ended >= end)


def _money(read: Gathered, window: Window) -> Money:
    last: dict[str, Cause] = {}
    for diagnosis in sorted(read.diagnoses, key=lambda one: one.analysis_timestamp):
        last.update({cause.finding_key: cause for cause in diagnosis.findings})
    causes = [one for one in last.values() if not read.superseded.intersection(one.incident_ids[:1])]
    opened = [order.daily_loss_usd for order in read.orders if _is_open(order, window.end)]
    verified = [order.daily_loss_usd for order in read.orders if window.holds(order.verified_at)]
    return Money(
        found_usd_per_day=round(sum(cause.energy_at_risk.daily_loss_usd for cause in causes), 2),
        lost_so_far_usd=round(sum(cause.energy_at_risk.lost_so_far_usd for cause in causes), 2),
        open_usd_per_day=round(sum(opened), 2),
        saved_usd_per_day=round(sum(verified), 2),
        causes=len(causes),
    )
