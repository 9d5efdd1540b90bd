"""EventBridge Scheduler: what ministack drops of a schedule is kept, and a cron goes off in its time zone.

CloudFormation's handler drops the time zone, the start, the end and the key. The ticker reads every cron in
UTC. AWS reads it in `ScheduleExpressionTimezone` (EventBridge Scheduler User Guide, "Schedule types": "cron
and rate expressions … time zone"), also where clocks change: each of the zone's own times once.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from local.hooks.base import HookBroken, private, replace

_LONG_AGO = 0.0
"""A time of which every cron has come since."""
PASSED_ON = ("ScheduleExpressionTimezone", "StartDate", "EndDate", "KmsKeyArn")


def is_due(fields: Any, zone: ZoneInfo, last: float, now: float, next_fire: Any) -> bool:
    """Whether a cron came between two moments, by the clock on a zone's wall. `fields`: the parsed
    expression; `last`, `now`: seconds since 1970; `next_fire`: ministack's own, which knows no zone."""

    def wall(moment: float) -> datetime:
        return datetime.fromtimestamp(moment, zone).replace(tzinfo=UTC)

    coming = next_fire(fields, wall(last))
    return coming is not None and coming <= wall(now)


def install() -> None:
    """Apply the hooks."""
    from ministack.services import eventbridge, scheduler
    from ministack.services.cloudformation import provisioners

    schedules = private(scheduler, "_schedules")
    fired: dict[Any, float] = private(scheduler, "_schedule_last_fired")
    parsed, next_fire = private(eventbridge, "_parse_cron_fields"), private(eventbridge, "_cron_next_fire")

    def tick() -> None:
        """Crons of other zones are judged here. ministack is told of each that it came long ago, or just
        now; of those that it did not set off, the time is put back."""
        now, kept = time.time(), {}
        for key, schedule in list(schedules._data.items()):
            zone = schedule.get("ScheduleExpressionTimezone") or "UTC"
            fields = parsed(schedule.get("ScheduleExpression", ""))
            if zone == "UTC" or fields is None or key not in fired:
                continue
            due = is_due(fields, ZoneInfo(zone), fired[key], now, next_fire)
            if not due:
                kept[key] = fired[key]
            fired[key] = _LONG_AGO if due else now
        try:
            original()
        finally:
            fired.update({key: last for key, last in kept.items() if key in fired})

    original = replace(scheduler, "_tick_schedules", tick)

    handlers: dict[str, dict[str, Any]] = private(provisioners, "_RESOURCE_HANDLERS")
    kind = "AWS::Scheduler::Schedule"
    if kind not in handlers:
        raise HookBroken(f"ministack no longer provisions {kind}")
    handlers[kind] = _whole(handlers[kind], schedules)


def _whole(handler: dict[str, Any], schedules: Any) -> dict[str, Any]:
    """A handler of CloudFormation that keeps the properties which ministack's drops."""
    create, update = handler["create"], handler["update"]

    def keep(physical_id: str, properties: dict[str, Any]) -> None:
        schedule = schedules.get(f"{properties.get('GroupName', 'default')}/{physical_id}")
        if schedule is not None:
            schedule.update({name: properties[name] for name in PASSED_ON if name in properties})

    def created(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        answer = create(logical_id, properties, stack)
        keep(answer[0], properties)
        return answer

    def updated(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        answer = update(physical_id, old, new, *rest)
        keep(answer[0] if isinstance(answer, tuple) else physical_id, new)
        return answer

    return {**handler, "create": created, "update": updated}
