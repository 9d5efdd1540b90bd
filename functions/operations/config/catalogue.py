"""`configs/operations/catalogue.yaml`: every alarm and what it watches. `make watch` writes it.

Who is told of an alarm reads severity and page here; who looks at the platform's health, what there is.
"""

from __future__ import annotations

from ona.config.files import ConfigFile
from ona.documents.base import Document
from operations.config.alarms import Severity


class CataloguedAlarm(Document):
    """One alarm."""

    name: str
    """Its name; `{environment}` stands for the environment."""
    kind: str
    about: str
    """What it is about, without `ona-` and the environment."""
    family: str
    severity: Severity
    composite: bool
    """Whether it is a composite alarm."""
    rings: bool
    """Whether somebody is told of it by itself."""
    told_by: str | None
    """The alarm that tells of it where it does not ring."""
    page: str
    """Its runbook page: docs/operations/symptoms/<page>.md."""
    causes: list[str]
    """Alarms that, when they are on, are the reason of this one: while one is, this one is off."""
    children: list[str]
    """Of a composite alarm, those that it rings for. Its severity is the highest of theirs."""
    settle_s: int
    """Seconds after it went on until somebody is told, if no cause was on meanwhile: one may be slower."""
    lasts_s: int
    """Seconds that it may go on or stay on after its cause is over, and is still the cause's."""


class CataloguedThing(Document):
    """One function, workflow, API, queue, table or timer."""

    kind: str
    about: str
    family: str


class Catalogue(Document):
    """The file."""

    alarms: list[CataloguedAlarm]
    watched: list[CataloguedThing]
    dashboards: list[str]


FILE = ConfigFile("operations/catalogue.yaml", Catalogue)
