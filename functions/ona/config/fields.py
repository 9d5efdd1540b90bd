"""Field types that several configuration files share: addresses, time zones and times of day."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from ona.runtime.clock import is_zone
from ona.runtime.words import shortened

LONGEST_ZONE = 64
"""Characters of a name that an error repeats (ours); the longest in the IANA database has 32."""


def _address(url: str) -> str:
    parts = urlsplit(url)
    this_machine = parts.hostname in ("127.0.0.1", "localhost")
    schemes = ("http", "https") if this_machine else ("https",)
    if not parts.hostname or parts.scheme not in schemes:
        raise ValueError("must be https://host[/path]")
    if parts.username or parts.password:
        raise ValueError("must hold no user and no password: those go to Parameter Store")
    return url.rstrip("/")


def _zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(
            f"{shortened(name, LONGEST_ZONE)!r} is no IANA time zone, like Africa/Johannesburg"
        )
    return name


def _clock_time(value: Any) -> Any:
    if isinstance(value, time) and value.tzinfo is None:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d\d:\d\d(:\d\d)?", value):
        return value
    raise ValueError(f'{shortened(str(value), LONGEST_ZONE)!r} is no time of day; write it as "22:00"')


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Address = Annotated[str, AfterValidator(_address)]
"""The address of somebody's server: https, or http on this machine, where tests and trials run."""

Zone = Annotated[str, AfterValidator(_zone)]
"""The name of a time zone in the IANA database, like Africa/Johannesburg."""

ClockTime = Annotated[time, BeforeValidator(_clock_time)]
"""A time of day on a wall's clock, as "22:00". Pydantic alone takes 22 for 22 s after midnight, UTC."""

UtcMoment = Annotated[datetime, AfterValidator(_in_utc)]
"""A moment; one without a zone is UTC."""
