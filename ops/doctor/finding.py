"""What a check of `ona doctor` gets, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from local.cloud import Cloud
from ops.target import Target


class Level(StrEnum):
    """How much a finding matters. Only a problem makes `ona doctor` exit with 1."""

    GOOD = "good"
    NOTE = "note"
    MENDED = "mended"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """What was seen, where, and how the reader mends it."""

    level: Level
    what: str
    where: str = ""
    mend: str = ""

    @classmethod
    def good(cls, what: str) -> Finding:
        """Nothing to do."""
        return cls(Level.GOOD, what)

    @classmethod
    def note(cls, what: str, where: str = "", mend: str = "") -> Finding:
        """Worth knowing; the platform works."""
        return cls(Level.NOTE, what, where, mend)

    @classmethod
    def mended(cls, what: str, where: str = "") -> Finding:
        """Was a problem; `--repair` mended it."""
        return cls(Level.MENDED, what, where)

    @classmethod
    def problem(cls, what: str, where: str, mend: str) -> Finding:
        """Something is wrong: where it is, and what the reader does about it."""
        return cls(Level.PROBLEM, what, where, mend)


@dataclass(frozen=True)
class Subject:
    """What is examined.

    `home` is None with an AWS profile. `cloud` is the embedded cloud that runs from the home, or None.
    `target` is the deployed platform; None when nothing runs that could be asked.
    """

    home: Path | None
    cloud: Cloud | None
    target: Target | None
    environment: str = "dev"
    repair: bool = False
