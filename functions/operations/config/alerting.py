"""`configs/operations/alerting.yaml`: who is told of an alert, where, and when the next one is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from ona.config.fields import Address, ClockTime, Zone
from ona.config.files import ConfigFile
from ona.documents.base import Document
from ona.outbox.items import AlertChannel
from ona.runtime.clock import WEEKDAYS, Weekday
from operations.config.alarms import Severity

ON_CALL = "on-call"
"""In a level: the places of whoever is on the rota just then."""


class Place(Document):
    """Where an alert is told. `secret_parameter`: the parameter with Slack's address, PagerDuty's routing
    key, or the webhook's secret."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    channel: AlertChannel
    url: Address | None = None
    secret_parameter: str = Field("", pattern=r"^(/ona-platform/[a-z]+/alerting-[a-z0-9-]+)?$")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.channel == "email") == bool(self.secret_parameter):
            raise ValueError("email has no secret_parameter; every other channel has one")
        if self.channel == "webhook" and self.url is None:
            raise ValueError("a webhook needs a url")
        if self.channel in ("email", "slack") and self.url is not None:
            raise ValueError("email has no url, and Slack's stands in its secret_parameter")
        if self.name == ON_CALL:
            raise ValueError(f"{ON_CALL}, the rota, is no place's name")
        return self


class Level(Document):
    """Who is told when nobody has acknowledged for so long, counted from the first telling."""

    after_minutes: int = Field(ge=0, le=10080)
    places: list[str] = Field(min_length=1, max_length=10)


class Person(Document):
    """Somebody on the rota. `contact`: how people reach this one; it is printed, never dialled."""

    name: str
    places: list[str] = Field(min_length=1)
    contact: str = ""


class Turn(Document):
    """Who is on call from `start` to `end` (local time; over midnight where `end` is not later) on the days
    that a turn begins on."""

    start: ClockTime
    end: ClockTime
    days: list[Weekday] = Field(default=list(WEEKDAYS), min_length=1)
    people: list[str] = Field(min_length=1)

    def holds(self, local: datetime) -> bool:
        """Whether a local moment lies in the turn.

        >>> from datetime import time
        >>> night = Turn(start=time(19), end=time(7), days=["friday"], people=["a"])
        >>> night.holds(datetime(2026, 11, 28, 3)), night.holds(datetime(2026, 11, 28, 20))
        (True, False)
        """
        at, today = local.time(), WEEKDAYS[local.weekday()]
        yesterday = WEEKDAYS[(local - timedelta(days=1)).weekday()]
        if self.start < self.end:
            return today in self.days and self.start <= at < self.end
        return (today in self.days and at >= self.start) or (yesterday in self.days and at < self.end)


class Contact(Document):
    """Somebody whom the runbook's pages name by `role`."""

    role: str
    name: str
    contact: str


class Alerting(Document):
    """The file."""

    zone: Zone
    repeat_quiet_minutes: dict[Severity, Annotated[int, Field(ge=0, le=10_080)]]
    flood_an_hour: int = Field(ge=1, le=100)
    recheck_minutes: int = Field(ge=1, le=60)
    places: list[Place] = Field(max_length=50)
    people: list[Person] = []
    rota: list[Turn] = []
    levels: dict[Severity, list[Level]]
    contacts: list[Contact] = []

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        places = {place.name for place in self.places}
        if len(places) < len(self.places):
            raise ValueError("two places have the same name")
        people = {person.name for person in self.people}
        for severity, levels in self.levels.items():
            waits = [level.after_minutes for level in levels]
            if waits and (waits[0] != 0 or sorted(set(waits)) != waits):
                raise ValueError(f"levels of {severity}: after_minutes begin at 0 and grow")
            for level in levels:
                self._known(level.places, places | {ON_CALL}, f"levels of {severity}: place")
        for person in self.people:
            self._known(person.places, places, f"{person.name}: place")
        for turn in self.rota:
            self._known(turn.people, people, "rota: person")
        for urgent in _URGENT:
            if not self.levels.get(urgent):
                raise ValueError(f"levels: nobody is told of what is {urgent}")
        return self

    @staticmethod
    def _known(names: list[str], known: set[str], what: str) -> None:
        for name in names:
            if name not in known:
                raise ValueError(f"{what} {name} is not declared")

    def quiet(self, severity: Severity) -> timedelta:
        """How long the same alarm is not told again."""
        return timedelta(minutes=self.repeat_quiet_minutes.get(severity, 0))

    def told_at(self, level: Level, now: datetime) -> list[Place]:
        """The places of a level as they are at `now`, each once."""
        local = now.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        on_call = {name for turn in self.rota if turn.holds(local) for name in turn.people}
        names: list[str] = []
        for name in level.places:
            if name == ON_CALL:
                names += [at for person in self.people if person.name in on_call for at in person.places]
            else:
                names.append(name)
        by_name = {place.name: place for place in self.places}
        return [by_name[name] for name in dict.fromkeys(names)]


_URGENT: tuple[Literal["critical", "high"], ...] = ("critical", "high")
FILE = ConfigFile("operations/alerting.yaml", Alerting)


def alerting() -> Alerting:
    """`operations/alerting.yaml`. Raises InvalidConfiguration."""
    return FILE.read()
