"""CloudFormation: a rule or schedule that somebody turned off has drifted, where its template has a State.

ministack 1.5.33 asks only whether a rule is there, and knows no drift of schedules. Reserved concurrency is
not read: the embedded CloudFormation reserves none. Source: AWS CloudFormation User Guide, "Resource type
support for imports and drift detection", and "Detect unmanaged configuration changes" (properties that the
template sets).
"""

from __future__ import annotations

from typing import Any

from local.hooks.base import private

_READ = frozenset({"State", "ScheduleExpression"})
Current = dict[str, Any] | None


def _rule(physical_id: str, properties: dict[str, Any]) -> Current:
    from ministack.services import eventbridge
    from ministack.services.cloudformation import provisioners

    bus = private(provisioners, "_eb_rule_bus_name")(properties)
    key = private(eventbridge, "_rule_key")(physical_id, bus)
    return _of(private(eventbridge, "_rules").get(key))


def _schedule(physical_id: str, properties: dict[str, Any]) -> Current:
    from ministack.services import scheduler

    group = properties.get("GroupName", "default")
    return _of(private(scheduler, "_schedules").get(f"{group}/{physical_id}"))


def _of(record: dict[str, Any] | None) -> Current:
    return None if record is None else {name: record[name] for name in _READ if name in record}


def install() -> None:
    """Apply the hook. Raises HookBroken."""
    from ministack.services import eventbridge, scheduler
    from ministack.services.cloudformation import drift, provisioners

    private(provisioners, "_eb_rule_bus_name")
    private(eventbridge, "_rule_key")
    private(scheduler, "_schedules")
    readers: dict[str, Any] = private(drift, "_DRIFT_READERS")
    readers["AWS::Events::Rule"] = (_rule, _READ)
    readers["AWS::Scheduler::Schedule"] = (_schedule, _READ)
