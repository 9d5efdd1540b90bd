"""A length of time as people write it: 90m, 1.5h, 2d. One form for every option that takes one."""

from __future__ import annotations

import re
from datetime import timedelta

from ops.target import OpsError

_FORM = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,4})?)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def span(text: str, option: str) -> timedelta:
    """Minutes, hours or days, whole ones or with a point. Raises OpsError, which names the option.

    >>> span("90m", "--since") == span("1.5h", "--since"), span("2d", "--since")
    (True, datetime.timedelta(days=2))
    >>> span("2", "--since")
    Traceback (most recent call last):
    ...
    ops.target.OpsError: --since 2: give a number with m, h or d, for instance 90m, 1.5h or 2d
    """
    found = _FORM.fullmatch(text.strip())
    if not found:
        raise OpsError(f"{option} {text}: give a number with m, h or d, for instance 90m, 1.5h or 2d")
    return timedelta(**{_UNITS[found[2]]: float(found[1])})
