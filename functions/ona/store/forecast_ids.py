"""The ids of forecasts: they name the site, and the moment of issue.

The site's name alone would not do: two customers may each have a site of the same name.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ona.runtime.identity import digest

_STAMP = "%Y%m%d%H%M%S"
"""How an id ends: the moment of issue, UTC."""


def beginning(customer_id: str, site_id: str) -> str:
    """How the ids of a site's forecasts begin; the moment of issue follows.

    >>> beginning("customer-a", "north") == beginning("customer-b", "north")
    False
    """
    return f"fc-{site_id}-{digest(customer_id, site_id, length=6)}-"


def forecast_id(customer_id: str, site_id: str, issued: datetime) -> str:
    """The id of a site's forecast of a moment (UTC)."""
    return f"{beginning(customer_id, site_id)}{issued:{_STAMP}}"


def issued_at(forecast: str) -> datetime:
    """The moment that a forecast's id names. Raises ValueError for another id.

    >>> issued_at("fc-solar-farm-a-1f2e3d-20250610060000").isoformat()
    '2025-06-10T06:00:00+00:00'
    """
    return datetime.strptime(forecast.rsplit("-", 1)[-1], _STAMP).replace(tzinfo=UTC)
