"""`ona reprocess` and `ona restart`: do work again."""

from __future__ import annotations

import calendar
import difflib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape

from ona.runtime.clock import FIRST_YEAR, LAST_YEAR, is_plausible, utc_now
from ops import accounting, deadletters, messages, registry
from ops.accounting import FileAccount
from ops.cli.cost import DEFAULT_REGION
from ops.cli.shared import Environment, Profile, console, errors_in_one_line
from ops.cli.stop import user
from ops.emergency import reprocess
from ops.means import cost as costs
from ops.means import prices, reading
from ops.target import OpsError, Target, resolve, use_configs

NAME = "reprocess"
app = typer.Typer(
    help="Do work again: what failed, what came in a time, an asset's month.", no_args_is_help=True
)
DryRun = Annotated[bool, typer.Option("--dry-run", help="only say what would be done, and for what cost")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
WORKS_IN = f"{FIRST_YEAR} to {LAST_YEAR}"
_NAMED = 10
"""So many files are named."""
_FAILED = 1
"""Exit status when something failed again."""


@app.command("failed")
@errors_in_one_line
def failed_command(
    dry_run: DryRun = False, yes: Yes = False, profile: Profile = None, environment: Environment = "dev"
) -> None:
    """All failed and lost work again, as `ona dlq redrive`, followed to its end."""
    use_configs()
    target = resolve(profile, environment)
    read = accounting.read(target)
    letters = [
        letter
        for letter in read.letters
        if letter.is_for_redrive and not deadletters.is_about(target, letter, read.replaced)
    ]
    lost = [item for item in read.files if item.state == "lost"]
    names = [letter.what for letter in letters] + [f"{item.key} (it was lost)" for item in lost]
    if not _wanted(target, "failed work", names, dry_run, yes):
        return
    left: list[tuple[messages.DeadLetter, str]] = []
    sent = deadletters.redrive(target, left, read.replaced)
    starts: list[Callable[[], str]] = [_said(arn) for arn in dict.fromkeys(arn for _, arn in sent)]
    starts += [_lost(target, item) for item in lost]
    for letter, why in left:
        console.print(f"[yellow]left[/yellow]: {escape(letter.what)}: {escape(why)}", soft_wrap=True)
    _end(reprocess.follow(target, starts, _tell))


def _said(arn: str) -> Callable[[], str]:
    return lambda: arn


def _lost(target: Target, item: FileAccount) -> Callable[[], str]:
    event, machine = item.event(target.input_bucket), target.machine_of(item.key)
    salt = f"{item.version_id}#{utc_now():%Y%m%dT%H%M%S}"
    return lambda: deadletters.start_again(target, event, salt, machine)


@app.command("range")
@errors_in_one_line
def range_command(
    since: Annotated[str, typer.Option("--from", help="UTC, 2025-06-10 or 2025-06-10T08:00")],
    until: Annotated[str, typer.Option("--to", help="UTC, not included")],
    dry_run: DryRun = False,
    yes: Yes = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """All files that came in a time, each in its newest version."""
    use_configs()
    target = resolve(profile, environment)
    first, end = _moment(since), _moment(until)
    if first > utc_now():
        raise OpsError(f"--from {since} has not come: it is {utc_now():%Y-%m-%d %H:%M} UTC")
    if not (is_plausible(first) and is_plausible(end)):
        raise OpsError(f"--from {since} --to {until}: the platform works in the years {WORKS_IN}")
    if end <= first:
        raise OpsError(f"--to {until} must be later than --from {since}")
    files = reprocess.came_between(accounting.read(target).files, first, end)
    what = f"files that came from {first:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    _run(target, what, files, dry_run, yes)


@app.command("asset")
@errors_in_one_line
def asset_command(
    asset: Annotated[str, typer.Argument(help="the asset's id")],
    month: Annotated[str, typer.Option(help="its data of this month, YYYY-MM")] = "",
    since: Annotated[str, typer.Option("--from", help="or from this day, YYYY-MM-DD")] = "",
    until: Annotated[str, typer.Option("--to", help="to this day, included")] = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """All files with an asset's data of a month, or of some days."""
    use_configs()
    target = resolve(profile, environment)
    first, last = _days(month, since, until)
    _check_days(first, last, utc_now().date())
    files = reprocess.of_asset(target, accounting.read(target).files, asset, first, last)
    if not files:
        _check_asset(target, asset)
    _run(target, f"files with {asset} from {first} to {last}", files, dry_run, yes)


def _check_days(first: date, last: date, today: date) -> None:
    """Raises OpsError for days in the wrong order, that have not begun, or when the platform worked never.

    >>> _check_days(date(2025, 6, 1), date(2025, 6, 30), date(2025, 6, 10))
    """
    if last < first:
        raise OpsError(f"--to {last} is before --from {first}: nothing lies between them")
    if first > today:
        raise OpsError(f"{first}: that day has not begun; today is {today}")
    if not is_plausible(first):
        raise OpsError(f"{first}: the platform works in the years {WORKS_IN}")


def _check_asset(target: Target, asset: str) -> None:
    """Raises OpsError for an asset of which there is no file, and which nobody has registered."""
    registered = registry.read(target)
    names = sorted(one.id for one in registered.assets) if registered else []
    if asset not in names:
        near = difflib.get_close_matches(asset, names, 3)
        like = f"; near it: {', '.join(near)}" if near else ""
        raise OpsError(f"{asset}: no such asset is registered, and no file has readings of it{like}")


def _run(target: Target, what: str, files: Sequence[FileAccount], dry_run: bool, yes: bool) -> None:
    plan = reprocess.planned(target, what, files)
    if plan.goes_on is not None:
        begun = f"{plan.goes_on.at:%Y-%m-%d %H:%M} UTC by {plan.goes_on.by}"
        console.print(f"goes on with what was begun at {escape(begun)} and did not end", soft_wrap=True)
    names = [item.key for item in (plan.goes_on.files if plan.goes_on else plan.files)]
    if _wanted(target, what, names, dry_run, yes):
        _end(reprocess.run(target, plan, user(), _tell))


def _wanted(target: Target, what: str, names: Sequence[str], dry_run: bool, yes: bool) -> bool:
    """Say what would be done and for what cost; whether it is wanted."""
    console.print(f"[bold]{escape(what)}[/bold]: {len(names)}", soft_wrap=True, highlight=False)
    for name in names[:_NAMED]:
        console.print(f"    {escape(name)}", soft_wrap=True)
    if len(names) > _NAMED:
        console.print(f"    … and {len(names) - _NAMED} more")
    if not names:
        console.print("nothing to do")
        return False
    console.print(_cost(target, len(names)), soft_wrap=True)
    if dry_run:
        console.print("nothing was started: --dry-run")
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise OpsError("nothing was started: give --yes, since nobody can be asked here")
    if not typer.confirm("do it?"):
        console.print("nothing was started")
        return False
    return True


def _cost(target: Target, number: int) -> str:
    """What so many files will cost, from what one cost today, else yesterday."""
    book, now = prices.newest(), utc_now()
    for day in (now.date(), now.date() - timedelta(days=1)):
        try:
            told = costs.cost(reading.read(target, day, now), book, DEFAULT_REGION)
        except reading.NotThere:
            break
        if each := told.each["file"]:
            return (
                f"cost: about {number * each:.6f} USD, as a file cost {each:.6f} USD on {day} (`ona cost`)"
            )
    return "cost: unknown, since no file was done today or yesterday"


def _end(ends: Counter[str]) -> None:
    """Say how it ended; exits with 1 where something failed again."""
    failed = sum(ends.values()) - ends["SUCCEEDED"]
    console.print(f"{ends['SUCCEEDED']} done, {failed} failed")
    if failed:
        console.print("why: [bold]ona dlq list[/bold]")
        raise typer.Exit(_FAILED)


def _tell(text: str) -> None:
    console.print(escape(text), soft_wrap=True)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise OpsError(f"{text}: give a time as 2025-06-10 or 2025-06-10T08:00, UTC") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _days(month: str, since: str, until: str) -> tuple[date, date]:
    """The first and the last day that are meant.

    >>> _days("2025-02", "", "")
    (datetime.date(2025, 2, 1), datetime.date(2025, 2, 28))
    """
    if bool(month) == bool(since or until):
        raise OpsError("give --month, or --from and --to")
    try:
        if month:
            first = date.fromisoformat(f"{month}-01")
            return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])
        return date.fromisoformat(since), date.fromisoformat(until)
    except ValueError as error:
        raise OpsError(
            f"{month or since or until}: give a month as 2025-06, a day as 2025-06-10"
        ) from error
