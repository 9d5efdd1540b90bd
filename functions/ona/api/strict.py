"""Types of requests that take what the OpenAPI document says, and nothing that merely converts to it.

pydantic would take `"1"` and `true` for an integer, and a number of seconds for a time.

>>> from pydantic import TypeAdapter
>>> whole = TypeAdapter(Annotated[int, JsonNumber])
>>> whole.validate_python(3), whole.validate_python(3.0)
(3, 3)
>>> TypeAdapter(Moment).validate_python("2025-06-10T10:00:00+02:00").isoformat()
'2025-06-10T10:00:00+02:00'
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator

from ona.runtime.clock import FIRST_YEAR, LAST_YEAR

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DIGITS = re.compile(r"-?\d{1,18}", re.ASCII)


def _number(value: Any) -> Any:
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise ValueError("must be a number")
    return value


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("must be an integer")
    return value


def _moment(value: Any) -> Any:
    if isinstance(value, str) and _RFC_3339.fullmatch(value):
        if not FIRST_YEAR <= int(value[:4]) <= LAST_YEAR:
            raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
        return value
    if value is None or hasattr(value, "tzinfo"):
        return value
    raise ValueError("must be a time like 2025-06-10T08:00:00Z (RFC 3339)")


def _day(value: Any) -> Any:
    if isinstance(value, str) and _DAY.fullmatch(value):
        if not FIRST_YEAR <= int(value[:4]) <= LAST_YEAR:
            raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
        return value
    if value is None or isinstance(value, date):
        return value
    raise ValueError("must be a day like 2025-06-10")


JsonNumber = BeforeValidator(_number)
"""Marks a number of a body: no text, no `true`. It comes after `Field`, whose limits the document shows."""
Digits = BeforeValidator(_digits)
"""Marks an integer of a query: digits only."""
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
"""A time with its zone, as RFC 3339 writes it."""
Day = Annotated[date, BeforeValidator(_day)]
"""A calendar day, as ISO 8601 writes it."""
