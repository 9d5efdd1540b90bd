"""Errors are types: the state machines match on the names of these classes.

`InvalidInput` and its children are never retried: the same input gives the same error.
`RetryableError` and its children are retried: a dependency was busy, or another execution was faster.
`tests/contract/test_workflows.py` checks these names against every Retry and Catch in `statemachines/`.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any


class OnaError(Exception):
    """Base of all errors the platform raises on purpose."""


class InvalidInput(OnaError):
    """Input from outside is wrong; sending it again unchanged cannot help."""


class InvalidTelemetry(InvalidInput):
    """A telemetry file cannot be accepted as a whole; the state machine puts it under `quarantine/`.

    The text of the error is a JSON document. The state machine writes it beside the quarantined file.

    >>> print(InvalidTelemetry("no_rows", "the file has no readings", where="x.csv", remedy="export again"))
    {"reason": "no_rows", "message": "the file has no readings", "where": "x.csv", "remedy": "export again"}
    """

    def __init__(self, reason: str, message: str, *, where: str = "", remedy: str = "") -> None:
        self.reason = reason
        self.message = message
        self.where = where
        self.remedy = remedy
        super().__init__(json.dumps(self.as_dict()))

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(InvalidTelemetry, where=self.where, remedy=self.remedy), (self.reason, self.message)

    @property
    def in_words(self) -> str:
        """The same for a person at a terminal, in one line.

        >>> InvalidTelemetry("no_rows", "no readings", where="x.csv", remedy="export again").in_words
        'x.csv: no readings (no_rows): export again'
        """
        where, remedy = self.where and f"{self.where}: ", self.remedy and f": {self.remedy}"
        return f"{where}{self.message} ({self.reason}){remedy}"

    def as_dict(self) -> dict[str, str]:
        """The four parts that a person needs: a fixed code, what is wrong, where, and how to mend it."""
        return {
            "reason": self.reason,
            "message": self.message,
            "where": self.where,
            "remedy": self.remedy,
        }


class InvalidPayload(InvalidInput):
    """An event or a state's input does not have the shape its contract promises."""


class InvalidConfiguration(InvalidInput):
    """A file under `configs/`, a parameter or the asset registry is wrong; says file, key and reason."""


class ObjectMissing(InvalidInput):
    """An S3 object that a payload points to does not exist (any more)."""


class WeatherUnavailable(InvalidInput):
    """The weather provider refused, or has no weather of this place; asking again cannot help.

    Whoever needs the weather goes on without it and says so (docs/forecasting.md).
    """


class RetryableError(OnaError):
    """The same call may succeed later; the state machine retries it with back-off."""


class DependencyBusy(RetryableError):
    """A service throttled the call, or answered with a server error."""


class TableThrottled(DependencyBusy):
    """A table has too few units for what comes. It takes the same call when less comes, or when it has
    grown, which takes minutes: workflows wait longer for it than for another service that is busy."""


class CrewBookingConflict(RetryableError):
    """Another execution booked the same crews first; plan again on the new calendar."""
