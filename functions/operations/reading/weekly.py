"""The weekly review: the last seven full days beside the seven before, and how good the forecasts were.

A day whose summary was stored when it was over is taken from there; any other is reckoned anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from statistics import fmean
from zoneinfo import ZoneInfo

from pydantic import ConfigDict

from ona.documents.base import Document
from ona.runtime.words import counted
from ona.store.layout import ACCURACY
from operations.layout import REPORT
from operations.reading import inventory
from operations.reading.figures import Figures, of_window
from operations.reading.finding import Client, Finding, Report, worst
from operations.reading.records import Records
from operations.reading.summary import KIND as SUMMARY
from operations.reading.summary import not_counted
from operations.reading.window import Window

KIND = "weekly"
PAGE = "docs/operations/weekly.md"
DAYS = 7
LOWEST_PERCENT = 80.0
"""Forecasts of a lower accuracy are looked into (the guide's threshold, as its alarm has it)."""
FEW = 3
"""Fewer refused files or failed executions in a week are no warning by themselves (ours)."""


class Totals(Document):
    """What may be added up over days. `saved_usd_per_day`: what all verified repairs ended;
    `cost_usd`: of the days whose cost was stored."""

    files: int
    refused: int
    failed: int
    forecasts: int
    opened: int
    completed: int
    verified: int
    saved_usd_per_day: float
    cost_usd: float = 0.0

    @classmethod
    def of(cls, days: Sequence[Figures]) -> Totals:
        """The sums of some days."""
        files = [files for day in days for files in day.files.values()]
        return cls(
            files=sum(one.number for one in files),
            refused=sum(one.refused for one in files),
            failed=sum(sum(day.failed.values()) for day in days),
            forecasts=sum(day.forecasts.number for day in days),
            opened=sum(day.orders.opened for day in days),
            completed=sum(day.orders.completed for day in days),
            verified=sum(day.orders.verified for day in days),
            saved_usd_per_day=round(sum(day.money.saved_usd_per_day for day in days), 2),
            cost_usd=round(sum(day.cost.usd for day in days if day.cost), 2),
        )


class Week(Report):
    """The report. `accuracy`: percent by customer/site, the mean of the week's measured days."""

    last: date
    zone: str
    days: dict[date, Figures]
    week: Totals
    week_before: Totals
    accuracy: dict[str, float]


class _Measured(Document):
    model_config = ConfigDict(extra="ignore")
    accuracy_percent: float


class _Stored(Document):
    """Of a stored summary."""

    model_config = ConfigDict(extra="ignore")
    at: datetime
    figures: Figures


def weekly(client: Client, root: str, records: Records, last: date, zone: ZoneInfo, now: datetime) -> Week:
    """The review of the seven days that end with `last`. `now` is UTC.

    Raises NotDeployed, and botocore's errors.
    """
    machines = inventory.read(client, root).of("AWS::StepFunctions::StateMachine")

    def figures(day: date) -> Figures:
        return stored(records, day) or of_window(records, machines, Window.of(day, zone))

    week = {day: figures(day) for day in _days(last)}
    before = [figures(day) for day in _days(last - timedelta(days=DAYS))]
    accuracy = accuracies(records, list(week))
    return review(week, before, accuracy, [entry.where for entry in records.bad], root, zone, now)


def _days(last: date) -> list[date]:
    return [last - timedelta(days=back) for back in range(DAYS)][::-1]


def review(
    days: Mapping[date, Figures],
    before: Sequence[Figures],
    accuracy: Mapping[str, float],
    bad: Sequence[str],
    root: str,
    zone: ZoneInfo,
    now: datetime,
) -> Week:
    """The report on a week, the days of the week before, the accuracy by site, and what could not be
    read (`bad`)."""
    week, week_before = Totals.of(list(days.values())), Totals.of(before)
    found = [
        *(Finding.ok("days", f"{day:%a} {day}", _day_in_words(figures)) for day, figures in days.items()),
        *_totals(week, week_before),
        *_accuracy(accuracy),
        *not_counted(bad, PAGE),
    ]
    return Week(
        kind=KIND,
        platform=root,
        at=now,
        state=worst(found),
        findings=found,
        last=max(days),
        zone=zone.key,
        days=dict(days),
        week=week,
        week_before=week_before,
        accuracy=dict(accuracy),
    )


def _day_in_words(figures: Figures) -> str:
    day = Totals.of([figures])
    faults = sum(figures.incidents.faults.values())
    return (
        f"{counted(day.files, 'file')}, {day.refused} refused, {counted(day.failed, 'failed execution')}, "
        f"{counted(faults, 'fault')}, {counted(day.opened, 'order')} opened, {day.verified} verified, "
        f"{day.saved_usd_per_day:,.2f} USD a day saved"
        + (f", {day.cost_usd:,.2f} USD spent" if figures.cost else "")
    )


def _totals(week: Totals, before: Totals) -> Iterator[Finding]:
    for name, number in week.model_dump().items():
        usual = getattr(before, name)
        about = name.replace("_", " ").replace("usd per day", "USD a day").replace("usd", "USD")
        text = f"{number:,.12g}, the week before {usual:,.12g}"
        if name in ("refused", "failed") and number >= FEW and number > usual:
            yield _warning("week", about, f"more than in the week before: {text}")
        else:
            yield Finding.ok("week", about, text)


def _accuracy(accuracy: Mapping[str, float]) -> Iterator[Finding]:
    if not accuracy:
        yield Finding.ok("accuracy", "all", "no forecast was measured")
        return
    mean = fmean(accuracy.values())
    yield Finding.ok("accuracy", "all", f"{mean:.1f} %, the mean of {counted(len(accuracy), 'site')}")
    for site, percent in sorted(accuracy.items()):
        if percent < LOWEST_PERCENT:
            finding = Finding.warning("accuracy", site, f"{percent:.1f} %, below {LOWEST_PERCENT:g} %")
            page = "docs/operations/symptoms/forecasts-inaccurate.md"
            yield finding.model_copy(update={"page": page})


def _warning(check: str, about: str, text: str) -> Finding:
    finding = Finding.warning(check, about, text)
    return finding.model_copy(update={"page": f"{PAGE}#{check}"})


# ---------------------------------------------------------------------- reading


def stored(records: Records, day: date) -> Figures | None:
    """The figures of a day as the routine stored them, where it did so after the day was over."""
    key = REPORT.build(day=day, kind=SUMMARY, suffix="json")
    found = records.document(key, _Stored)
    over = found is not None and found.at >= found.figures.end and not found.figures.unreadable
    return found.figures if found is not None and over else None


def cost_before(records: Records, day: date) -> float:
    """USD that the days of a day's month before it cost, as far as their summaries were stored with it."""
    days = [day.replace(day=number) for number in range(1, day.day)]
    figures = [stored(records, one) for one in days]
    return sum(one.cost.usd for one in figures if one and one.cost)


def accuracies(records: Records, days: Sequence[date]) -> dict[str, float]:
    """By customer/site: the mean accuracy of the days that were measured, percent."""
    found: dict[str, float] = {}
    for customer, site in records.sites():
        keys = [ACCURACY.build(customer_id=customer, site_id=site, day=day) for day in days]
        measured = [one for key in keys if (one := records.document(key, _Measured))]
        if measured:
            found[f"{customer}/{site}"] = round(fmean(one.accuracy_percent for one in measured), 2)
    return found
