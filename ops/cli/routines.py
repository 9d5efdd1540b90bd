"""`ona ops …`: the routines of the day. They exit with 0, 1 or 2, as monitoring systems expect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import wraps
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from ona.runtime.clock import utc_now
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.words import counted
from operations.config.prices import newest
from operations.config.routines import routines
from operations.reading.finding import Finding, Report, State, exit_code
from operations.reading.health import Platform, health
from operations.reading.midday import midday
from operations.reading.records import Records
from operations.reading.spending import Spent, spent
from operations.reading.summary import summary
from operations.reading.weekly import cost_before, weekly
from operations.reading.window import Window
from ops.cli.shared import Environment, Profile, console, day_of, errors_in_one_line
from ops.deployment import under_way
from ops.target import Target, resolve, use_configs

NAME = "ops"
app = typer.Typer(help="The routines of the day: is the platform well?", no_args_is_help=True)
_NO_ANSWER = 2
_COLOURS: dict[State, str] = {"ok": "green", "warning": "yellow", "critical": "red", "unknown": "red"}
AsJson = Annotated[bool, typer.Option("--json", help="the whole report as JSON")]


@app.callback()
def _routines() -> None:
    """The routines of the day: is the platform well?"""


def as_monitors_expect(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a routine's command: what ends in an error exits with 2, since nobody knows the state."""
    told = errors_in_one_line(command)

    @wraps(command)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return told(*arguments, **named)
        except typer.Exit as end:
            if end.__cause__ is not None:
                raise typer.Exit(_NO_ANSWER) from end.__cause__
            raise

    return run


@app.command(name="health")
@as_monitors_expect
def health_command(
    every: Annotated[bool, typer.Option("--all", help="each thing that is well, too")] = False,
    json: AsJson = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """The morning's check: is everything there, open and fresh? Exits with 0, 1 or 2."""
    report = report_of(resolve(profile, environment))
    _end(report, every, json)


@app.command(name="midday")
@as_monitors_expect
def midday_command(
    hours: Annotated[int, typer.Option(help="so many full hours before now", min=1, max=24)] = 4,
    json: AsJson = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Each function's calls, errors and durations beside those of the weeks before; exits with 0 or 1,
    or with 2 when it could not be asked."""
    target = resolve(profile, environment)
    _end(midday(target.client, target.stack, utc_now(), hours), every=True, json=json)


@app.command(name="summary")
@as_monitors_expect
def summary_command(
    day: Annotated[str, typer.Option(help="YYYY-MM-DD; today where nothing is said")] = "",
    json: AsJson = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """The day in figures: files, faults, forecasts, orders, money at risk, saved; exits with 0, 1 or 2."""
    target, zone, now = _asked(profile, environment)
    today = now.astimezone(zone).date()
    asked = day_of(day, today) if day else today
    records, cost = records_of(target), cost_of(target, Window.of(asked, zone))
    before = cost_before(records, asked)
    report = summary(target.client, target.stack, records, asked, zone, now, cost, before)
    _end_figures(report, f"{report.day}, {report.zone}", json)


@app.command(name="weekly")
@as_monitors_expect
def weekly_command(
    day: Annotated[str, typer.Option(help="the last of the seven days; without it yesterday")] = "",
    json: AsJson = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Seven full days beside the seven before, and the forecasts' accuracy; exits with 0 or 1, or with 2
    when it could not be asked."""
    target, zone, now = _asked(profile, environment)
    today = now.astimezone(zone).date()
    last = day_of(day, today) if day else today - timedelta(days=1)
    report = weekly(target.client, target.stack, records_of(target), last, zone, now)
    _end_figures(report, f"the week until {report.last}, {report.zone}", json)


def _asked(profile: str | None, environment: str) -> tuple[Target, ZoneInfo, datetime]:
    """Whose days are asked for, the zone in which they begin, and now, UTC."""
    use_configs()
    return resolve(profile, environment), routines().zone, utc_now()


def cost_of(target: Target, window: Window) -> Spent | str:
    """What a window cost by the list prices of the target's region, or why nobody knows."""
    region = str(target.client("cloudwatch").meta.region_name)
    try:
        environment = target.outputs["Environment"]
        return spent(target.client, target.stack, environment, window, utc_now(), newest(), region)
    except InvalidConfiguration as error:
        return str(error)


def records_of(target: Target) -> Records:
    """Where the workflows of a target write. Raises OpsError where nothing is deployed."""
    return Records(target.client, target.output_bucket, target.outputs["TrackingTableName"])


def _end(report: Report, every: bool, json: bool) -> None:
    """Print a report, and exit with its code."""
    if json:
        print(report.model_dump_json(indent=2))
    else:
        _print(report, every)
    raise typer.Exit(exit_code(report.state))


def _end_figures(report: Report, of: str, json: bool) -> None:
    """Print a report of figures, and exit with its code. `of`: which days they are of."""
    if json:
        print(report.model_dump_json(indent=2))
    else:
        console.print(f"{report.platform}, {of}", highlight=False)
        print_figures(report.findings)
    raise typer.Exit(exit_code(report.state))


def report_of(target: Target) -> Report:
    """The health check of a target. Raises OpsError where nothing is deployed."""
    use_configs()
    platform = Platform(
        root=target.stack,
        environment=target.outputs["Environment"],
        input_bucket=target.input_bucket,
        output_bucket=target.output_bucket,
        address=target.api_urls.get("/quota, /health", target.api_url),
    )
    return health(target.client, platform, utc_now(), under_way.deployer(target))


def _print(report: Report, every: bool) -> None:
    """A line a check, below it what is not well, then the verdict."""
    console.print(f"{report.platform}, {report.at:%Y-%m-%d %H:%M} UTC")
    checks: dict[str, list[Finding]] = {}
    for finding in report.findings:
        checks.setdefault(finding.check, []).append(finding)
    for check, findings in checks.items():
        counts = Counter(finding.state for finding in findings)
        told = ", ".join(
            f"[{_COLOURS[state]}]{counts[state]} {state}[/]" for state in _COLOURS if counts[state]
        )
        console.print(f"[bold]{check}[/bold]: {told}", soft_wrap=True, highlight=False)
        for finding in findings:
            if every or finding.state != "ok" or finding.since:  # a window that holds is told, too
                _print_finding(finding)
    bad = sum(finding.state != "ok" for finding in report.findings)
    colour = _COLOURS[report.state]
    told = "all is well" if not bad else f"{report.state}: {counted(bad, 'thing')} to look at"
    console.print(f"[{colour}]{told}[/]")


def print_figures(findings: Iterable[Finding]) -> None:
    """Figures below the name of their check; of what somebody should look at, its state too."""
    check = ""
    for finding in findings:
        if finding.check != check:
            check = finding.check
            console.print(f"[bold]{check}[/bold]", soft_wrap=True, highlight=False)
        if finding.state == "ok":
            console.print(
                f"    {escape(f'{finding.about}: {finding.text}')}", soft_wrap=True, highlight=False
            )
        else:
            _print_finding(finding)


def _print_finding(finding: Finding) -> None:
    colour = _COLOURS[finding.state]
    since = f" (since {finding.since:%Y-%m-%d %H:%M} UTC)" if finding.since else ""
    text = escape(f"{finding.about}: {finding.text}{since}")
    console.print(f"    [{colour}]{finding.state}[/] {text}", soft_wrap=True, highlight=False)
    if finding.course:
        console.print(f"        now: {escape(finding.course)}", soft_wrap=True, highlight=False)
    if finding.page:
        console.print(f"        what to do: {finding.page}", soft_wrap=True, highlight=False)
