"""The routines of the day, as `ona ops` has them too."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta

from ona.runtime.aws import client, environment
from ona.runtime.errors import InvalidConfiguration
from operations.config.prices import newest
from operations.config.routines import Kind, routines
from operations.reading.finding import Report
from operations.reading.health import Platform, health
from operations.reading.midday import midday
from operations.reading.performance import Performance, performance
from operations.reading.records import Records
from operations.reading.spending import Spent, spent
from operations.reading.summary import summary
from operations.reading.weekly import cost_before, weekly
from operations.reading.window import Window

_WEEK_HOURS = 168


def routine(kind: Kind, now: datetime) -> tuple[Report, date]:
    """A routine's report, and the day that it is kept under. `now`: UTC.

    *Closing* is the summary of the whole day before: the weekly review takes it. Raises NotDeployed,
    InvalidConfiguration, and botocore's errors.
    """
    rules, root = routines(), environment("ROOT_STACK")
    today = now.astimezone(rules.zone).date()
    yesterday = today - timedelta(days=1)
    if kind == "health":
        return health(client, _platform(root), now), today
    if kind == "midday":
        return midday(client, root, now, rules.midday_hours), today
    records = Records(client, environment("OUTPUT_BUCKET"), environment("TRACKING_TABLE"))
    if kind == "weekly":
        return weekly(client, root, records, yesterday, rules.zone, now), today
    day = yesterday if kind == "closing" else today
    cost = _spent(root, Window.of(day, rules.zone), now)
    before = cost_before(records, day)
    return summary(client, root, records, day, rules.zone, now, cost, before), day


def performance_of_week(now: datetime) -> Performance:
    """What was done in the seven days before `now`, UTC, and in those before. Raises as `routine`."""
    root, name = environment("ROOT_STACK"), environment("ONA_ENVIRONMENT")
    return performance(client, root, name, now, _WEEK_HOURS)


def _spent(root: str, window: Window, now: datetime) -> Spent | str:
    """What a window cost, or why nobody knows: the list has no prices of this region."""
    try:
        region = os.environ.get("AWS_REGION", "")
        return spent(client, root, environment("ONA_ENVIRONMENT"), window, now, newest(), region)
    except InvalidConfiguration as error:
        return str(error)


def _platform(root: str) -> Platform:
    return Platform(
        root=root,
        environment=environment("ONA_ENVIRONMENT"),
        input_bucket=environment("INPUT_BUCKET"),
        output_bucket=environment("OUTPUT_BUCKET"),
    )
