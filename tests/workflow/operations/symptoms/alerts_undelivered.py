"""What docs/operations/symptoms/alerts-undelivered.md shows: the channel of the only place was archived."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.alert_places import Chat
from tests.fakes.platform import Platform
from tests.workflow.operations.alerting import alarm, alarms_heard, settle, told

ALARM = "ona-detect-unwell-dev"


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """An alarm is on, and nobody could be told."""
    chat = Chat()
    chat.gone = "channel_is_archived"
    path = "/ona-platform/dev/alerting-chat"
    platform.target.client("ssm").put_parameter(
        Name=path, Value=chat.address, Type="SecureString", Overwrite=True
    )
    place = {"name": "chat", "channel": "slack", "secret_parameter": path}
    level = [{"after_minutes": 0, "places": ["chat"]}]
    changes = {"places": [place], "levels": {"critical": level, "high": level}}
    before = len(settle(platform))
    try:
        with alarms_heard(platform, **changes):
            alarm(platform, ALARM, reason="7 errors")
            settle(platform, before + 1)
            told(platform)
            settle(platform, before + 2)
            yield
    finally:
        alarm(platform, ALARM, "OK")
        chat.close()
