"""The end-of-day summary: what came in, what was found, forecast, ordered and repaired, and in money."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ona.runtime.words import counted, listed
from operations.reading import inventory
from operations.reading.figures import Figures, Forecasts, Incidents, of_window
from operations.reading.finding import Client, Finding, Report, worst
from operations.reading.records import Records
from operations.reading.spending import Spent
from operations.reading.window import Window

KIND = "summary"
PAGE = "docs/operations/summary.md"
CENT = 0.005
"""USD; less is not named."""
FEW_NAMED = 3
"""So many failed executions are named in a line, which is long (ours)."""
NAMED = 5
"""So many sites or objects are named in a line; the others are counted (ours)."""


class Summary(Report):
    """The report with its figures. `day`: the last day of the window, in the zone. `month_usd`: what the
    days of its month cost until then, as far as that is known."""

    day: date
    zone: str
    figures: Figures
    month_usd: float | None = None


def summary(
    client: Client,
    root: str,
    records: Records,
    day: date,
    zone: ZoneInfo,
    now: datetime,
    cost: Spent | str = "",
    before_usd: float = 0.0,
) -> Summary:
    """The summary of a day of a zone; of today, what there is so far.

    `now` is UTC. `cost`: what the day cost, or why that is not known; `before_usd`: what the days of its
    month before it cost. Raises NotDeployed, and botocore's errors.
    """
    machines = inventory.read(client, root).of("AWS::StepFunctions::StateMachine")
    figures = of_window(records, machines, Window.of(day, zone))
    month = None
    if isinstance(cost, Spent):
        figures, month = figures.model_copy(update={"cost": cost}), round(before_usd + cost.usd, 6)
    found = [*findings(figures), *cost_in_words(cost, month)]
    return Summary(
        kind=KIND,
        platform=root,
        at=now,
        state=worst(found),
        findings=found,
        day=day,
        zone=zone.key,
        figures=figures,
        month_usd=month,
    )


def cost_in_words(cost: Spent | str, month: float | None) -> Iterator[Finding]:
    """The day's cost and that of its month so far; why it is not known; nothing where nobody asked."""
    if isinstance(cost, str):
        if cost:
            yield Finding.ok("cost", "day", f"not reckoned: {cost}")
        return
    parts = ", ".join(f"{kind} {usd:,.2f}" for kind, usd in cost.by_kind.items() if usd >= CENT)
    told = f"{cost.usd:,.2f} USD by the list prices of {cost.prices} in {cost.region}"
    yield Finding.ok("cost", "day", f"{told} ({parts})" if parts else told)
    yield Finding.ok("cost", "month", f"{month or 0.0:,.2f} USD until this day")


def findings(figures: Figures) -> Iterator[Finding]:
    """The figures as lines; a line that somebody should look at is a warning."""
    yield from _files_in_words(figures)
    yield from _failures_in_words(figures)
    seen = figures.incidents
    yield Finding.ok("incidents", "faults", _faults_in_words(seen))
    others = [f"{counted(seen.suspected, 'suspected loss')}", f"{seen.superseded} superseded"]
    yield Finding.ok("incidents", "others", ", ".join([*_counts(seen.no_fault), *others]))
    if left := figures.not_judged:
        told = f"{counted(len(left), 'file')}, in which an asset could not be judged"
        text = f"{told}; what it loses is in no figure: {listed(left, NAMED)}"
        yield Finding.ok("incidents", "not judged", text)
    yield from _forecasts_in_words(figures.forecasts)
    orders, money = figures.orders, figures.money
    changes = f"{orders.opened} opened, {orders.completed} completed, {orders.verified} verified"
    yield Finding.ok("orders", "all", f"{changes}, {orders.cancelled} cancelled; open: {orders.open}")
    found = f"{counted(money.causes, 'cause')} found: {money.found_usd_per_day:,.2f} USD a day"
    yield Finding.ok("money", "at risk", f"{found}, {money.lost_so_far_usd:,.2f} USD lost so far")
    yield Finding.ok(
        "money", "ordered", f"{money.open_usd_per_day:,.2f} USD a day, to be ended by open orders"
    )
    yield Finding.ok(
        "money", "saved", f"{money.saved_usd_per_day:,.2f} USD a day, ended by verified repairs"
    )
    yield from _breakage(figures)
    yield from not_counted(figures.unreadable, PAGE)


def not_counted(bad: Sequence[str], page: str) -> Iterator[Finding]:
    """A warning where something could not be read. `page`: where the docs say what to do."""
    if bad:
        text = f"{counted(len(bad), 'document')} not counted: {listed(bad, NAMED)}"
        found = Finding.warning("unreadable", "documents", text)
        yield found.model_copy(update={"page": f"{page}#unreadable"})


_FOUND = "with a fault found"


def _files_in_words(figures: Figures) -> Iterator[Finding]:
    for folder, files in figures.files.items():
        told = f"{counted(files.number, 'file')} ({', '.join(_of_files(files.outcomes))})"
        since = [f"{key} at {at:%H:%M} UTC" for key, at in files.mended.items()]
        told = f"{told}; mended since: {listed(since, NAMED)}" if since else told
        yield _warning("files", folder, told) if files.refused else Finding.ok("files", folder, told)
    came = figures.files.values()
    if not came:
        yield Finding.ok("files", "all", "no file was done")
    elif not any(files.accepted for files in came):
        nothing = Finding.critical("files", "all", "every file was refused")
        yield nothing.model_copy(update={"page": f"{PAGE}#files"})
    if figures.site_days:
        yield Finding.ok("files", "sites", f"{counted(figures.site_days, 'judgement')} of whole sites")


def _failures_in_words(figures: Figures) -> Iterator[Finding]:
    """By workflow, what failed and is still so, and below it what failed and is mended."""
    for workflow, number in figures.failed.items():
        mine = [one for one in figures.failures if one.workflow == workflow]
        over = [one for one in mine if one.mended_at]
        if unseen := number - sum(one.looked_at for one in mine):
            text = f"{counted(unseen, 'older execution')} failed: whether that is mended was not asked"
            yield Finding.ok("files", workflow, text)
        if left := number - unseen - len(over):
            names = [one.in_words for one in mine if one.looked_at and not one.mended_at]
            text = f"{counted(left, 'execution')} failed, still so: {listed(names, FEW_NAMED)}"
            yield _warning("files", workflow, text)
        if over:
            names = [one.in_words for one in over]
            text = f"{counted(len(over), 'execution')} failed, mended since: {listed(names, FEW_NAMED)}"
            yield Finding.ok("files", workflow, text)


def _breakage(figures: Figures) -> Iterator[Finding]:
    """What the day's failures cost: what causes lost that were found late, and what nobody knows yet."""
    if not figures.failures:
        return
    late: dict[str, float] = {}
    for one in figures.failures:
        if one.mended_at:  # a file that failed twice was late from its first failure on
            work = one.key or one.execution
            late[work] = max(late.get(work, 0.0), one.late_usd)
    told = [f"{sum(late.values()):,.2f} USD lost by causes that were found late"] if late else []
    left = {one.key or one.execution for one in figures.failures if one.looked_at and not one.mended_at}
    if left:
        told.append(f"{counted(len(left), 'piece of work')} not done yet: what it loses is in no figure")
    yield Finding.ok("money", "breakage", "; ".join(told))


def _faults_in_words(seen: Incidents) -> str:
    number = sum(seen.faults.values())
    if not number:
        return "none"
    kinds = ", ".join(_counts(seen.faults))
    return f"{counted(number, 'fault')} of {counted(seen.assets, 'machine')} ({kinds}), {seen.open} open"


def _forecasts_in_words(made: Forecasts) -> Iterator[Finding]:
    told = f"{counted(made.number, 'forecast')} of {counted(made.sites, 'site')}"
    yield Finding.ok("forecasts", "all", told)
    if made.without:
        number, named = len(made.without), listed(made.without, NAMED)
        yield _warning("forecasts", "without", f"{counted(number, 'site')} without a forecast: {named}")


def _of_files(outcomes: dict[str, int]) -> list[str]:
    """Files by outcome. `found` is of a fault, not of the file.

    >>> _of_files({"found": 1, "quarantined": 2})
    ['1 with a fault found', '2 quarantined']
    """
    return _counts({_FOUND if name == "found" else name: number for name, number in outcomes.items()})


def _counts(numbers: dict[str, int]) -> list[str]:
    return [f"{number} {name}" for name, number in numbers.items()]


def _warning(check: str, about: str, text: str) -> Finding:
    finding = Finding.warning(check, about, text)
    return finding.model_copy(update={"page": f"{PAGE}#{check}"})
