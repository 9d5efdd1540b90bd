"""A command whose options say what they mean: an empty one is a slip, as of a variable in a script.

Without this `--profile ""` meant the embedded cloud, and `--data ""` the current folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

_PATHS = (Path, list[Path])


class StrictCommand(TyperCommand):
    """A command of typer that refuses empty values, before they become something else."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer's. Raises BadParameter for an option, or a path, that is given empty."""
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        parameters: list[Any] = [*self.get_params(ctx)]
        for parameter in parameters:
            option = parameter.param_type_name == "option"
            if not (option or parameter.type_descriptor.annotation in _PATHS):
                continue
            if any(not text.strip() for text in _texts(given.get(parameter.name or ""))):
                instead = "leave it out for what it is by default, or give" if option else "give"
                raise typer.BadParameter(f"it is empty: {instead} a value.", ctx=ctx, param=parameter)
        return super().parse_args(ctx, args)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
