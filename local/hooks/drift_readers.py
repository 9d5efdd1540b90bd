"""CloudFormation: a rule or schedule that somebody turned off has drifted, where its template has a State,
and a function whose reserved concurrency somebody changed, where its template reserves some.

ministack 1.5.33 asks only whether a rule is there, knows no drift of schedules, and does not read what a
function reserves. Source: AWS CloudFormation User Guide, "Resource type support for imports and drift
detection", and "Detect unmanaged configuration changes" (properties that the template sets).
"""

from __future__ import annotations

from typing import Any

from local.hooks.base import private

_READ = frozenset({"State", "ScheduleExpression"})
SHARE = "ReservedConcurrentExecutions"
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


def _function(reader: Any) -> Any:
    """ministack's reader of functions, which also reads what they reserve."""
    from ministack.services import lambda_svc

    functions = private(lambda_svc, "_functions")

    def read(physical_id: str, properties: dict[str, Any]) -> Current:
        found: Current = reader(physical_id, properties)
        share = (functions.get(physical_id) or {}).get("concurrency")
        return found if found is None or share is None else {**found, SHARE: int(share)}

    return read


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
    reader, properties = readers["AWS::Lambda::Function"]
    readers["AWS::Lambda::Function"] = (_function(reader), properties | {SHARE})
