"""`ona put`, `status`, `history`: telemetry files, and what became of each."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.markup import escape
from rich.table import Table

from ona.documents.assets import AssetRegistry
from ona.runtime.errors import InvalidPayload, InvalidTelemetry
from ona.runtime.words import counted, listed
from ona.store.layout import ASSETS
from ona.store.unreadable import Unreadable
from ops import (
    accounting,
    awaited,
    crews,
    identifiers,
    ingest,
    outbox,
    own_documents,
    plain,
    registry,
    seed,
)
from ops.cli.shared import (
    Environment,
    Profile,
    coloured,
    console,
    errors_in_one_line,
    print_hidden,
    print_unreadable,
    tell_damage,
)
from ops.cli.unattended import print_not_judged, print_over, print_suspected, print_unattended
from ops.emergency import documents
from ops.target import OpsError, Target, resolve, start, use_configs

app = typer.Typer()
_FILES_NAMED = 40
"""So many files are named one by one."""
_NOBODYS_WORK = ("done", "running", "replaced", "dismissed")
"""States of files that are counted and not listed."""


@app.command()
@errors_in_one_line
def status(profile: Profile = None, environment: Environment = "dev") -> None:
    """What became of every file: inputs = done + quarantined + dead letters + running + lost + …

    Replaced are versions that failed before a newer one was done; dismissed are those whose letter a person
    removed. They are counted, and listed no more.
    Unknown are files whose dead letter another command may be reading just now.
    """
    target = resolve(profile, environment)
    bad: list[Unreadable] = []
    read = accounting.read(target, bad)
    accounts = read.files
    totals = accounting.totals(accounts)
    console.print(f"{target.name}, stack {target.stack}")
    if target.embedded:
        tell_damage(Path(target.embedded.home))
    if not accounts and not bad:
        console.print("no files yet: [bold]ona put <file>[/bold] puts one, see README.md")
    table = Table("state", "files")
    for state in get_args(accounting.State):
        if totals[state] or state in ("done", "lost"):
            table.add_row(coloured(state), str(totals[state]))
    table.add_row("[bold]put[/bold]", f"[bold]{len(accounts)}[/bold]")
    console.print(table)
    unfinished = [item for item in accounts if item.state not in _NOBODYS_WORK]
    for item in unfinished[:_FILES_NAMED]:
        console.print(f"{coloured(item.state)}  {escape(item.key)}", soft_wrap=True)
        console.print(f"    {escape(item.detail)}", soft_wrap=True)
        if item.remedy:
            console.print(f"    mend: {escape(item.remedy)}", soft_wrap=True)
    if len(unfinished) > _FILES_NAMED:
        console.print(f"… and {len(unfinished) - _FILES_NAMED} more")
    if totals["held"]:
        console.print("go on, and do them: [bold]ona resume[/bold]")
    if totals["lost"] or totals["dead letter"]:
        console.print("send them again: [bold]ona dlq redrive[/bold]")
    print_hidden(read.hidden)
    print_not_judged(accounts)
    print_suspected(accounts)
    print_over(accounts)
    print_unattended(target, accounts, bad)
    dead = len(outbox.items(target, ["dead"], bad))
    if dead:
        console.print(f"[red]{counted(dead, 'delivery')} given up[/red]: [bold]ona outbox list[/bold]")
    print_unreadable(bad)


@app.command()
@errors_in_one_line
def put(
    paths: Annotated[list[Path], typer.Argument(help="CSV files, or a folder with --source")],
    source: Annotated[str | None, typer.Option(help="source profile, see configs/sources/")] = None,
    remove_assets: Annotated[
        int | None,
        typer.Option(help="so many assets that have telemetry may go with a new assets.json", min=1),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="until each file is done; ends with 1 where one is refused or fails"),
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="also files that are no CSV by name and by content")
    ] = False,
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Put telemetry, event logs, assets.json, maintenance.json or travel.csv. Known formats go as they are;
    --source converts. What becomes of a file is not waited for without --wait: ona status tells it.

    Ends with 1 where it is known at once that a file will be quarantined. It is put all the same, so that
    ona status names it until it is mended. A file that is no CSV by name and by content is refused."""
    target = resolve(profile, environment)
    use_configs()
    versions: dict[str, str] = {}
    hopeless = 0
    if source:
        for path in paths:
            versions |= _put_converted(target, source, path)
        _told_of(target, versions, wait=wait)
        return
    for path in paths:  # all of them, before the first one is put
        ingest.require_readable(path)
        if (name := ingest.document_in(path)) and path.name != name:
            raise OpsError(
                f"{path} holds what {name} has, by another name: copy it to a file named {name} "
                "and put that. Nothing was put"
            )
        if not anyway and path.name not in (ASSETS, *own_documents.NAMES):
            ingest.require_telemetry(path)
    for path in paths:
        if path.name == ASSETS:
            _put_assets(target, path, remove_assets)
        elif path.name in own_documents.NAMES:
            told, warning = own_documents.put(target, path.name, path)
            console.print(f"put {path.name}: {escape(told)}", soft_wrap=True)
            if warning:
                console.print(f"[yellow]{escape(warning)}[/yellow]", soft_wrap=True)
        else:
            key, version, fits = _put_unchanged(target, path)
            versions[key] = version
            hopeless += not fits
    answered = bool(versions) and _told_of(target, versions, wait=wait)
    if versions and not wait:
        console.print("follow it: [bold]ona executions[/bold], [bold]ona status[/bold]")
    if hopeless and not answered:
        raise typer.Exit(1)


def _told_of(target: Target, versions: Mapping[str, str], *, wait: bool) -> bool:
    """Say that what was put waits, where somebody has stopped the platform; else, where somebody wants to
    wait, what became of each file; whether that was told. Ends the command with 1 where one was refused or
    failed."""
    held = _tell_stopped(target)
    if not wait or held:
        return False
    bad = 0
    for key, end in awaited.ends(target, versions).items():
        told = f"{key}: {end.text}"
        console.print(escape(told) if end.good else f"[red]{escape(told)}[/red]", soft_wrap=True)
        if end.remedy:
            console.print(f"    mend: {escape(end.remedy)}", soft_wrap=True)
        bad += not end.good
    if bad:
        raise typer.Exit(1)
    return True


def _tell_stopped(target: Target) -> bool:
    """Say that what was put waits, where somebody has stopped the platform; whether it does."""
    try:
        stop = documents.current(target)
    except InvalidPayload as error:  # the files lie there all the same
        console.print(f"whether the platform is stopped could not be read: {escape(str(error))}")
        return False
    if stop:
        told = f"it waits: the platform is {stop.in_words}; it is done after `ona resume`"
        console.print(f"[yellow]{escape(told)}[/yellow]", soft_wrap=True)
    return stop is not None


def _put_converted(target: Target, source: str, path: Path) -> dict[str, str]:
    """An export through its source profile: its assets into the registry, one file a site and day."""
    profile = ingest.profile_named(source)
    telemetry, assets = ingest.convert(profile, path, ingest.registry(target))
    added = ingest.put_registry(target, assets)
    if added:
        console.print(f"registered {counted(added, 'asset')} of {source} in assets.json")
        _tell_crews(target)
    versions = {}
    for upload in ingest.daily(telemetry, assets):
        versions[upload.key] = _version(ingest.put(target, upload))
        console.print(f"put {escape(upload.key)}", soft_wrap=True)
    for reason, count in sorted(telemetry.quality.rejected.items()):
        console.print(f"[yellow]left out {counted(count, 'row')}: {reason}[/yellow]")
    return versions


def _version(answer: Any) -> str:
    """The id of the version that S3 wrote; empty in a bucket without versions."""
    return str(answer.get("VersionId") or "").replace("null", "")


def _put_assets(target: Target, path: Path, remove: int | None) -> None:
    """A new registry in the place of the one before, with what that changes."""
    change = registry.replace(target, path.read_bytes(), remove, f"ona put {shlex.quote(str(path))}")
    counts = ", ".join(
        f"{len(names)} {word}"
        for word, names in (
            ("added", change.added),
            ("changed", change.changed),
            ("removed", change.removed),
        )
    )
    console.print(f"put assets.json: {counts}")
    for word, names in (("changed", change.changed), ("removed", change.removed)):
        for name in names[:_FILES_NAMED]:
            console.print(f"    {word} {escape(name)}", soft_wrap=True)
        if len(names) > _FILES_NAMED:
            console.print(f"    … and {len(names) - _FILES_NAMED} more {word}")
    now = registry.read(target) or AssetRegistry(assets=[])
    if mixed := now.mixed_sites():
        told = (
            f"{listed(mixed, _FILES_NAMED)}: wind turbines and others at one site; incidents are found "
            "there, and forecasts need a site_id for each of the two, "
            "docs/forecasting.md#a-customers-first-minutes"
        )
        console.print(f"[yellow]{escape(told)}[/yellow]", soft_wrap=True)
    if stored := now.storages():
        told = f"{counted(len(stored), 'battery')}: taken and not judged, docs/detection.md#storage"
        console.print(told, soft_wrap=True)
    if change.mended:
        console.print(f"[yellow]the one before could not be read: {escape(change.mended)}[/yellow]")
    _tell_crews(target)


def _tell_crews(target: Target) -> None:
    """The sample fleet's example crews; of another fleet, which assets no crew reaches, and what to do."""
    assets = registry.read(target)
    if assets is None:
        return
    if added := seed.put_sample_crews(target, assets):
        console.print(f"put {counted(added, 'example crew')} near them: they are the sample fleet")
    if hint := crews.hint(target, assets):
        console.print(f"[yellow]{escape(hint)}[/yellow]", soft_wrap=True)


def _put_unchanged(target: Target, path: Path) -> tuple[str, str, bool]:
    """Put one file as it is; its key, the version that S3 wrote, and whether it may be taken."""
    upload = ingest.upload_for(path)
    answer = ingest.put(target, upload)
    return upload.key, _version(answer), _tell_of_content(target, path, upload)


def _tell_of_content(target: Target, path: Path, upload: ingest.Upload) -> bool:
    """Say what is known of a file at once: its vendor, and what will become of it. False where it will be
    quarantined."""
    vendor = "event log" if ingest.is_event_log(path) else ingest.vendor_of(path)
    note = f" (recognised: {vendor})" if vendor else ""
    console.print(f"put {escape(upload.key)}{note}", soft_wrap=True)
    if not upload.dated:
        console.print(
            "[yellow]neither its name nor its beginning has a date that can be read (2026-06-01, or "
            "01.06.2026): it lies under today's[/yellow]",
            soft_wrap=True,
        )
    if error := ingest.refusal(upload, ingest.registry(target)):
        _tell_refusal(error)
        return False
    for told in ingest.columns_misnamed(path) if not vendor else ():
        console.print(f"[yellow]{escape(told)}[/yellow]", soft_wrap=True, highlight=False)
    if not vendor and (absent := ingest.columns_absent(path)):
        console.print(f"without {' and '.join(absent)}: it is taken, and these limits are not watched")
    return True


def _tell_refusal(error: InvalidTelemetry) -> None:
    """Why a file will be quarantined, and what mends it, in the words of `ona status`; why it is put."""
    lines = (
        f"it will be quarantined: {error.reason}: {error.message}",
        f"    mend: {plain.to_mend(error.remedy)}",
        "it is put all the same: `ona status` names it until it is mended",
    )
    for line in lines:
        console.print(f"[yellow]{escape(line)}[/yellow]", soft_wrap=True, highlight=False)


@app.command()
@errors_in_one_line
def history(
    prefix: Annotated[str, typer.Argument(help="of the input bucket, like backfill/2024/")],
    profile: Profile = None,
    environment: Environment = "dev",
) -> None:
    """Take in a fleet's history: files under a prefix become telemetry and asset histories, no orders."""
    if not prefix.startswith("backfill/"):
        told = identifiers.otherwise(prefix, "file")
        raise OpsError(
            f"{identifiers.shown(prefix)}: histories lie under backfill/; files under observations/ start "
            f"the loop{told}"
        )
    target = resolve(profile, environment)
    if not ingest.has_files(target, prefix):
        raise OpsError(f"no file lies under {prefix} in the input bucket; {ingest.histories(target)}")
    states = target.client("stepfunctions")
    arn = start(states, target.machines["fleet_history"], input=json.dumps({"prefix": prefix}))
    print(f"started {arn}")
    console.print("`ona executions --workflow fleet_history` shows how it goes")
    name = arn.rsplit(":", 1)[-1]
    text = f"`ona explain {name}` says at the end how many files are done, and which ones are not"
    console.print(text, soft_wrap=True, highlight=False)
