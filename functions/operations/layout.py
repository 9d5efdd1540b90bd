"""Where the objects of operations lie in the output bucket, and the keys of the alert log.

>>> from datetime import date
>>> REPORT.build(day=date(2026, 11, 28), kind="summary", suffix="json")
'operations/reports/2026/11/28/summary.json'
"""

from __future__ import annotations

from datetime import UTC, datetime

from ona.store.layout import KeyShape

REPORT = KeyShape("operations/reports/{day:folders}/{kind}.{suffix}")
"""A routine's report. `kind`: health, midday, summary, weekly, performance; `suffix`: json, html, pdf."""
DEPLOYMENT = KeyShape("operations/deployments/{day:folders}/{deployment_id}.json")
"""What one deployment did."""
STOP = KeyShape("operations/stops/{stop_id}.json")
"""What `ona stop` held back, and how it was before."""
TURN = "operations/turn.json"
"""Who stops or resumes the platform just now; one command at a time does."""
REPROCESS = KeyShape("operations/reprocesses/{reprocess_id}.json")
"""The files that `ona reprocess` works on again, and how far it is."""
USAGE = KeyShape("operations/usage/{day:folders}.json")
"""What was used on one day, by function."""

ALERT, STANDING, HOUR, WINDOW = "alert#", "alert-open#", "alert-hour#", "platform-window#"
"""How the keys of the alert log begin: an alert; where an alarm stands; how many of a kind in an hour; a
maintenance window of the platform. Other keys are alerts of files that were not accepted."""


def standing_key(name: str) -> str:
    """The key of where one alarm stands."""
    return f"{STANDING}{name}"


def hour_key(kind: str, now: datetime) -> str:
    """The key of the count of a kind's alerts in the hour (UTC) of `now`.

    >>> hour_key("function_errors", datetime(2026, 11, 28, 9, 59, tzinfo=UTC))
    'alert-hour#function_errors#20261128T09'
    """
    return f"{HOUR}{kind}#{now.astimezone(UTC):%Y%m%dT%H}"
