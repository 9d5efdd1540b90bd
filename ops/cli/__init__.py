"""The commands of `ona`. Each does one thing, says what it did, and exits with 1 when it could not.

One module of this package is one group of commands, in its `app`. Where the module has a `NAME`, its
commands are `ona NAME …`, otherwise `ona …`. The modules are looked up here: a family adds its group of
commands by adding a module.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

import typer

from ops.cli.elsewhere import Group, knows_others
from ops.cli.strict import StrictCommand

app = typer.Typer(
    cls=Group,
    help="The Ona Platform's commands: on the embedded cloud of this checkout, or on AWS (--profile).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
for _group in sorted(_modules, key=lambda module: getattr(module, "NAME", "")):
    if hasattr(_group, "app"):
        for _command in _group.app.registered_commands:
            _command.cls = StrictCommand
        knows_others(_group.app)
        app.add_typer(_group.app, name=getattr(_group, "NAME", None))
