"""A group of commands that knows the other groups: a command that stands elsewhere is named with its place.

Without this `ona ops cost` said that there is no such command, and not that it is `ona cost`.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperGroup

from ops.cli.hints import called

_MOST = 6
"""So many places are named (ours): `list` stands in more groups than anybody reads."""


class Group(TyperGroup):
    """A group of typer."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer's. A name that this group has not, and another one has, is told with that place."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            places = list(elsewhere(ctx.find_root().command, args))
            if places:
                shown = ", ".join(f"`{called()} {place}`" for place in places[:_MOST])
                more = f", and {len(places) - _MOST} more" if len(places) > _MOST else ""
                ctx.fail(f"No such command {args[0]!r}. Did you mean {shown}{more}?")
        return super().resolve_command(ctx, args)


def elsewhere(root: Any, words: list[str]) -> Iterator[str]:
    """Where a command stands that was looked for in the wrong group: its words after `ona`.

    `words`: what was typed from the unknown name on. A group is told with its command that comes next.
    Where nothing has the name, the nearest names are told.
    """
    every = dict(_below(root))
    exact = [place for place in every if place.split()[-1] == words[0]]
    if exact:
        yield from (_with_next(place, every, words) for place in exact)
        return
    names = {place.split()[-1] for place in every}
    for near in get_close_matches(words[0], sorted(names), cutoff=0.8):
        yield from (place for place in every if place.split()[-1] == near)


def _with_next(place: str, every: dict[str, Any], words: list[str]) -> str:
    longer = " ".join((place, *words[1:2]))
    return longer if longer in every else place


def _below(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    for name, item in getattr(command, "commands", {}).items():
        yield " ".join((*path, name)), item
        yield from _below(item, *path, name)


def knows_others(app: typer.Typer) -> None:
    """Let a group of commands be one of these."""
    app.info.cls = Group
