"""`configs/operations/alarms.yaml`: by which rules `make watch` writes the alarms."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ona.config.files import ConfigFile
from ona.documents.base import Document

Severity = Literal["critical", "high", "medium", "low"]


class Measured(Document):
    """One metric of CloudWatch and how a period of it becomes one number."""

    namespace: str
    name: str
    statistic: str = Field(pattern=r"^(Sum|Average|Minimum|Maximum|SampleCount|p\d{2}(\.\d)?)$")
    period_s: int = Field(ge=60, multiple_of=60)
    dimensions: dict[str, str] = {}
    """Beside those that the thing itself gives."""


class Math(Document):
    """A sum over several metrics: the expression, and each metric by the name that stands in it.

    Of a timer only the expression: `runs` are its own times, `beats` those of another timer.
    """

    expression: str
    metrics: dict[str, Measured] = {}


class Change(Document):
    """What differs for one resource, or for those that a timer calls."""

    what: str | None = None
    page: str | None = None
    periods: int | None = Field(None, ge=1)
    above: float | None = None


class Rule(Document):
    """One alarm for each resource of a kind, or (under `measured`) one alarm of a function's own metric."""

    of: str
    name: str = ""
    kind: str = ""
    """Under `measured` only: its kind in the catalogue, where that is not its name."""
    what: str
    page: str
    severity: Severity
    metric: Measured | None = None
    math: Math | None = None
    periods: int = Field(ge=1)
    bad: int | None = Field(None, ge=1)
    above: float | None = None
    below: float | None = None
    share_of_timeout: float | None = Field(None, gt=0, lt=1)
    on_timer: Change | None = None
    exceptions: dict[str, Change] = Field({}, alias="except")

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.metric is None) == (self.math is None):
            raise ValueError("a rule has either metric or math")
        if sum(value is not None for value in (self.above, self.below, self.share_of_timeout)) != 1:
            raise ValueError("a rule has one of above, below and share_of_timeout")
        if self.math and not self.math.metrics and self.of != "timer":
            raise ValueError("math needs metrics")
        if (self.bad or 1) > self.periods:
            raise ValueError(f"bad: {self.bad} is more than periods: {self.periods}")
        return self

    def for_(self, about: str, *, on_timer: bool) -> Rule:
        """The rule as it holds for one resource: its own exception, else what holds for timers."""
        change = self.exceptions.get(about) or (self.on_timer if on_timer else None)
        if change is None:
            return self
        given = change.model_dump(exclude_none=True)
        if "above" in given:
            given["share_of_timeout"] = None
        return self.model_copy(update=given)


class Written(Document):
    """An alarm of a stack that follows no rule: what it is."""

    kind: str
    of: str
    page: str
    severity: Severity
    rings: bool = True
    """Whether somebody is told of it; else only what is deployed listens."""


class Grouped(Document):
    """One composite alarm for each resource of a kind: it rings for several, but not behind a cause."""

    of: str
    name: str
    what: str
    rings_for: list[str] = Field(min_length=1)
    """The kinds of alarms for which it rings."""
    behind: list[str] = []
    """Composite alarms of the same resource, or of what it needs, that keep it quiet: named further up."""
    settle_s: int = Field(0, ge=0)
    """Seconds that the slowest of these may come later than this one."""


class AlarmRules(Document):
    """The file."""

    rules: dict[str, Rule]
    measured: dict[str, Rule]
    composites: dict[str, Grouped]
    besides: dict[str, list[str]]
    """By function, other functions that its results need."""
    fallback: list[str]
    """Resources whose alarms go to the topic by themselves as well."""
    beats: list[list[str]] = Field(min_length=1)
    """Groups of frequent timers. A timer is compared with one of its own group, else of the last."""
    written: dict[str, Written]
    logical: dict[str, str]
    """By alarm, its logical id in the template, where it is not the one that its rule gives."""

    @model_validator(mode="after")
    def _causes_first(self) -> Self:
        before: set[str] = set()
        for name, group in self.composites.items():
            if unknown := set(group.behind) - before:
                raise ValueError(
                    f"{name}: behind names what is not further up: {', '.join(sorted(unknown))}"
                )
            before.add(name)
        return self


FILE = ConfigFile("operations/alarms.yaml", AlarmRules)
