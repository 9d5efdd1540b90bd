"""What `ona doctor` looks at: one module of this package is one check.

A check is a module with `TITLE`, `ORDER` (an integer; small ones come first) and
`examine(subject) -> Iterator[Finding]`. It reads, and changes nothing unless `subject.repair` is true.
A family adds a check by adding a module; nothing is registered by hand.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from ops.doctor.finding import Finding, Level, Subject

__all__ = ["Check", "Finding", "Level", "Subject", "checks", "examine"]


@dataclass(frozen=True)
class Check:
    """One module of this package."""

    title: str
    order: int
    module: ModuleType

    def examine(self, subject: Subject) -> Iterator[Finding]:
        """Its findings; an error of the check itself is a finding too, so that the others still run."""
        try:
            yield from self.module.examine(subject)
        except Exception as error:
            yield Finding.problem(
                f"this check broke off: {type(error).__name__}: {error}",
                where=self.module.__name__,
                mend="mend what the other checks name, then run `ona doctor` again",
            )


def checks() -> list[Check]:
    """All checks, in the order in which they run."""
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    found = [Check(m.TITLE, m.ORDER, m) for m in modules if hasattr(m, "examine")]
    return sorted(found, key=lambda check: (check.order, check.title))


def examine(subject: Subject) -> Iterator[tuple[Check, list[Finding]]]:
    """Run all checks; each with its findings."""
    for check in checks():
        yield check, list(check.examine(subject))
