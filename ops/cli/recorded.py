"""The record of deployments: written by `ona up`, `ona deploy run` and `rollback`, shown by `ona deploy
history`."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from rich.markup import escape

from local import deploy, descriptions
from ona.runtime.clock import utc_now
from ona.runtime.words import counted
from operations.reading import inventory, released, stacks
from operations.reading.deployments import NOBODY, Book, Outcome, Record, in_words, one_of, shares, until
from ops.cli import endings
from ops.cli.shared import console
from ops.deployment import derived, records, under_way
from ops.deployment.settings import Settings
from ops.deployment.versions import Published, published
from ops.target import Target

CUT = "cut short"
"""How a deployment ended whose command was killed."""
MOST = 10
"""So many of the newest are shown."""
LONGEST = 2000
"""Characters of a reason that are kept: that of a deployment has a line for each resource that failed."""
CLOCKS_APART = timedelta(minutes=2)
"""So far this machine's clock may be ahead of CloudFormation's (ours)."""
FEW = 8
"""So many functions and workflows are named; of more their number is told."""


Begin = Callable[[str], None]
"""Told the release before the first change; the record begins then."""


@contextmanager
def recorded(target: Target, chosen: Settings, release: str) -> Iterator[Callable[[], None]]:
    """Keep what `ona deploy run` did. Yields what is called before the first change in the account."""
    with endings.heard():
        writing = _Writing(target, utc_now(), records.standing(target), chosen.parameters)
        try:
            yield lambda: writing.begin(release)
        except BaseException as error:
            writing.broke_off(error)
            raise
        writing.end("succeeded")


class _Writing:
    """The record of a deployment: begun before its first change, written again at its end."""

    def __init__(self, target: Target, began: datetime, before: dict[str, str], after: dict[str, str]):
        """`before`, `after`: the parameters of the root's stack, as they stand and as they are given."""
        self.target = replace(target)  # its outputs are those of before
        self.began, self.before, self.after = began, before, after
        self.record: Record | None = None
        self.was: dict[str, list[str]] = {}

    def begin(self, release: str) -> None:
        """Write that it began. A first deployment has no bucket yet: its record is written at its end."""
        self.was = _live(self.target)
        named = {"release": release, "by": who(self.target), "was": self.was}
        named["before"] = one_of(self.was) if self.was else self.before.get(deploy.RELEASE, "")
        changes = records.changes(self.before, self.after) if self.before else []
        self.record = records.begun("deployment", self.target, self.began, changes=changes, **named)
        if self.before:
            _close_left(self.target)
            note(records.keep(self.target, self.record))

    def end(self, outcome: str, reason: str = "") -> None:
        """Write how it ended, and what is live then."""
        if self.record is not None:
            self.target = replace(self.target)
            end = {"outcome": outcome, "reason": reason[:LONGEST], "live": _live(self.target)}
            self.record = records.ended(self.record, **end)
            note(records.write(self.target, self.record))

    def broke_off(self, error: BaseException) -> None:
        """Write what ended the command, and how its deployment ended. Where CloudFormation goes on without
        it, the record has no end: the stacks tell it."""
        if self.record is None:
            return
        outcome, why = _came_of(self.target, self.record, error), endings.in_words(error)
        if outcome == "under way":
            why = f"{why}; CloudFormation goes on without the command"
            self.record = self.record.model_copy(update={"reason": why[:LONGEST]})
            note(records.keep(self.target, self.record))
            return
        told = "" if self.target.embedded else _refusal(self.target, self.began)
        self.end(outcome, "; ".join(filter(None, (why, told))))


def _live(target: Target) -> dict[str, list[str]]:
    """What is live; nothing where it cannot be asked: a deployment must not hang on it."""
    try:
        return records.live(target)
    except Exception as error:
        note(f"which release is live cannot be asked: {' '.join(str(error).split())}")
        return {}


def _refusal(target: Target, since: datetime) -> str:
    """What CloudFormation refused since then; empty where it refused nothing, or cannot be asked."""
    try:
        found = inventory.read(target.client, target.stack)
        asked = found.changed is not None and found.changed >= since - CLOCKS_APART
        return stacks.refusal(target.client, found) if asked else ""
    except Exception:  # of whatever kind: that a step failed is known already
        return ""


def _came_of(target: Target, record: Record, error: BaseException) -> Outcome:
    """How a deployment ended whose command an error ended. `under way`: CloudFormation goes on without
    it."""
    try:
        if target.embedded is not None:  # the root's update goes on without the command, for a moment
            descriptions.settled(target.client("cloudformation"), target.stack)
        found = inventory.read(target.client, target.stack)
    except Exception:  # of whatever kind: the command has failed already
        return "failed"
    nobody = NOBODY if target.embedded is not None else None
    [(_, seen)] = Book((record,)).judged(found, until(record), nobody)
    if seen == "under way":  # of another command, where the root changed before this one began
        ours = found.changed is not None and found.changed >= record.began_at - CLOCKS_APART
        seen = "under way" if ours else "cut short"
    return seen if seen == "under way" or endings.by_hand(error) else "failed"


def _close_left(target: Target) -> None:
    try:
        records.close_left(target, inventory.read(target.client, target.stack), records.book(target))
    except Exception as error:
        note(f"earlier records cannot be looked at: {' '.join(str(error).split())}")


def note(why: str) -> None:
    """Say what was not possible."""
    if why:
        console.print(f"[yellow]{escape(why)}[/yellow]", soft_wrap=True)


def looked(target: Target) -> tuple[Book, inventory.Inventory]:
    """The records and the stacks, read once for a command; empty ones where they cannot be read."""
    found, book = inventory.Inventory(target.stack, {target.stack: ""}, {}), Book(())
    try:
        found = inventory.read(target.client, target.stack)
        book = records.book(target)
    except Exception as error:  # of whatever kind: going back must not hang on it
        note(f"the records of deployments cannot be read: {' '.join(str(error).split())}")
    return book, found


def who(target: Target) -> str:
    """Who gives the command: in an account its identity there, else this machine's user."""
    try:
        if target.embedded is None:
            return str(target.client("sts").get_caller_identity()["Arn"])
        return getpass.getuser()
    except Exception:
        return "unknown"


def tell_apart(target: Target, functions: list[Published], book: Book, found: inventory.Inventory) -> None:
    """Print the workflows that are of another release than the functions."""
    try:
        apart = released.apart(target.client, {one.short: one.release for one in functions}, found, book)
    except Exception as error:  # of whatever kind: the rest is told all the same
        note(f"which release the workflows are of cannot be asked: {' '.join(str(error).split())}")
        return
    for one in apart:
        text = f"half a release: {one.text}; `ona ops health` says what moves it"
        console.print(f"[red]{escape(text)}[/red]", soft_wrap=True, highlight=False)


def show(target: Target, things: list[Published], book: Book, found: inventory.Inventory) -> None:
    """Print the newest deployments, what each changed, and how it ended.

    One without a record is told as far as the stack's events have it, and its line says so.
    """
    judged = book.judged(found, utc_now(), under_way.deployer(target))
    rows = [(record.began_at, _told(record, outcome)) for record, outcome in judged]
    try:
        seen = derived.operations(target.client, target.stack, MOST)
    except Exception as error:  # of whatever kind: the records are told all the same
        note(f"the stack's events cannot be read: {' '.join(str(error).split())}")
        seen = []
    rows += [(one.began, _derived(one, things)) for one in derived.unrecorded(seen, book.records)]
    if not rows and not book.unreadable:
        console.print("no deployment is on record")
    for _, lines in sorted(rows, key=lambda row: row[0], reverse=True)[:MOST]:
        for line in lines:
            console.print(escape(line), soft_wrap=True, highlight=False)
    if book.unreadable:
        console.print(f"[red]{counted(book.unreadable, 'record')} cannot be read[/red]")


def _told(record: Record, outcome: str) -> list[str]:
    way = f"{', '.join(record.moved)} alone, {record.way}; the others stay" if record.moved else record.way
    moment = f"{record.began_at:%Y-%m-%d %H:%M} UTC"
    line = f"{moment}  {record.kind} {outcome}  {way}  by {record.by}"
    changed = "; ".join(f"{one.name}: {one.before or '-'} → {one.after or '-'}" for one in record.changes)
    why = record.reason
    if outcome == CUT:
        why = f"{why or 'its command ended without a word'}: what it did until then is live"
    more = [f"    {' '.join(text.split())}" for text in (changed, why) if text]
    return [line, *more]


def _derived(one: derived.Operation, things: list[Published]) -> list[str]:
    release = derived.releases(one, things)
    line = f"{one.began:%Y-%m-%d %H:%M} UTC  deployment {one.outcome}  {release or 'no new version'}"
    return [line, "    no record was kept: this is from the stack's events, which do not say who and what"]


@contextmanager
def up(target: Target, parameters: dict[str, str]) -> Iterator[Begin]:
    """Keep a record of `ona up` where it changes something, and say what it changed. Yields what is called
    with the release before the first change."""
    there = deploy.find(target.client("cloudformation"), target.stack) or {}
    before = deploy.parameters_of(there)
    with endings.heard():
        writing = _Writing(target, utc_now(), before, {**before, **parameters})
        try:
            yield writing.begin
        except BaseException as error:
            if there:  # a first deployment that was taken back has no bucket for a record
                writing.broke_off(error)
                _tell_moved(writing)
                _tell_half(writing)
            raise
        if writing.record is None:
            _tell_same(target, before.get(deploy.RELEASE, ""))
            return
        writing.end("succeeded")
    _tell_changes(target, writing)


@contextmanager
def way_back(target: Target, moving: list[Published], alone: bool) -> Iterator[dict[str, list[str]]]:
    """Keep a record of a way back, from before the first alias moves. Yields where to note what went: how,
    and the names of what went so.

    `alone`: not all was asked for, so that the record is of these things only.
    """
    names = [one.short for one in moving]
    was = _of(moving) if alone else _live(target)
    given = {"before": one_of(was), "release": "", "by": who(target), "was": was}
    record = records.begun("rollback", target, utc_now(), moved=names if alone else [], **given)
    note(records.keep(target, record))
    went: dict[str, list[str]] = {}
    why = ""
    outcome: Outcome = "failed"
    try:
        with endings.heard():
            yield went
        outcome = "succeeded"
    except BaseException as error:
        why, outcome = endings.in_words(error), "cut short" if endings.by_hand(error) else "failed"
        raise
    finally:
        live = _of(_again(target, moving)) if alone else _live(target)
        reason = "; ".join([*map(_went, went.items()), *([why] if why else [])])
        end = {"outcome": outcome, "reason": reason, "live": live, "release": one_of(live)}
        note(records.write(target, records.ended(record, **end)))


def _went(item: tuple[str, list[str]]) -> str:
    """What went one way: the names of few, the number of many.

    >>> _went(("version 2 → 1", ["detect"]))
    'detect: version 2 → 1'
    """
    how, names = item
    return f"{', '.join(names) if len(names) <= FEW else counted(len(names), 'step')}: {how}"


def _of(things: list[Published]) -> dict[str, list[str]]:
    return shares({one.short: one.release for one in things})


def _again(target: Target, things: list[Published]) -> list[Published]:
    """The same things as they are now; none where they cannot be asked."""
    ours = {(one.kind, one.name) for one in things}
    try:
        there = published(target.client, target.outputs["Environment"])
    except Exception as error:
        note(f"which release is live cannot be asked: {' '.join(str(error).split())}")
        return []
    return [one for one in there if (one.kind, one.name) in ours]


def _tell_moved(writing: _Writing) -> None:
    """Say what a refused deployment changed all the same: as on AWS an alias goes back to what the stack
    said of it, also where somebody moved it since."""
    record = writing.record
    if record is None or record.outcome != "failed":  # cut short: nothing went back
        return
    if record.live and record.was and record.live != record.was:
        text = (
            f"live was {in_words(record.was)}, and is {in_words(record.live)} now: what went back is as "
            "the last deployment that ended left it, also an alias that somebody moved since"
        )
        if one := one_of(record.was):
            text = f"{text}; `ona deploy rollback all --to {one}` goes there again"
        console.print(f"[yellow]{escape(text)}[/yellow]", soft_wrap=True)


def _tell_half(writing: _Writing) -> None:
    if writing.record is not None and len(there := writing.record.live) > 1:
        text = f"half a release is live: {in_words(there)}; `ona ops health` names the functions"
        console.print(f"[red]{escape(text)}[/red]", soft_wrap=True)


def _tell_same(target: Target, deployed: str) -> None:
    there = _live(target)
    console.print(f"nothing changed: release {deployed or 'unnamed'} is deployed already")
    if there and list(there) != [deployed]:
        forward = f"; `ona deploy rollback all --to {deployed}` goes forward" if deployed else ""
        console.print(f"[yellow]live is {escape(in_words(there))}{forward}[/yellow]", soft_wrap=True)


def _tell_changes(target: Target, writing: _Writing) -> None:
    things = published(target.client, target.outputs["Environment"])
    new = [
        item
        for item in things
        if any(one.number == item.live and one.published >= writing.began for one in item.versions)
    ]
    of_each = Counter(item.kind for item in new)
    what = " and ".join(counted(of_each[kind], kind) for kind in ("function", "workflow") if of_each[kind])
    names = f": {', '.join(item.short for item in new)}" if 0 < len(new) <= FEW else ""
    there = writing.record.live if writing.record else {}
    way = f"{in_words(writing.was) or 'none'} → {in_words(there) or 'unnamed'}"
    console.print(f"release {way}; new versions: {what or 'none'}{names}")
    console.print("`ona deploy history` lists the releases; `ona deploy validate` tries this one")
