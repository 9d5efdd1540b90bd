"""When people are not disturbed.

>>> from datetime import time
>>> night = QuietHours(start=time(18), end=time(6))
>>> quiet_until(night, "UTC", datetime.fromisoformat("2025-06-11T23:30:00+00:00")).isoformat()
'2025-06-12T06:00:00+00:00'
>>> quiet_until(night, "UTC", datetime.fromisoformat("2025-06-11T12:00:00+00:00")) is None
True
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from delivery.config import QuietHours


def quiet_until(rules: QuietHours | None, zone: str, now: datetime) -> datetime | None:
    """The end of the quiet hours that a moment lies in; None outside of them."""
    if rules is None:
        return None
    local = now.astimezone(ZoneInfo(zone))
    inside = (
        rules.start <= local.time() < rules.end
        if rules.start < rules.end
        else local.time() >= rules.start or local.time() < rules.end
    )
    if not inside:
        return None
    end = local.replace(hour=rules.end.hour, minute=rules.end.minute, second=0, microsecond=0)
    return (end if end > local else end + timedelta(days=1)).astimezone(now.tzinfo)
