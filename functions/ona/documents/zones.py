"""Time zones by their name, as documents and configuration files have them."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from ona.runtime.words import shortened

LONGEST_NAME = 64
"""Characters of a name that an error repeats (ours); the longest in the IANA database has 32."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except Exception as error:
        told = shortened(name, LONGEST_NAME)
        raise ValueError(f"{told!r} is no IANA time zone, like Africa/Johannesburg") from error
    return name


Zone = Annotated[str, AfterValidator(_zone)]
"""The name of a time zone in the IANA database, like Africa/Johannesburg."""
