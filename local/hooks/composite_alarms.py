"""CloudFormation: AWS::CloudWatch::CompositeAlarm, which ministack 1.5.33 does not know.

The service itself is ministack's: its rules, and the look at a composite alarm when a child changes.
A suppressor of actions is not acted out here, so an alarm with one is refused.
Source: AWS CloudFormation Template Reference, AWS::CloudWatch::CompositeAlarm (`Ref` is the name, `Arn` an
attribute, a changed AlarmName replaces); CloudWatch API Reference, PutCompositeAlarm.
"""

from __future__ import annotations

import json
from typing import Any

from local.hooks.base import private

TYPE = "AWS::CloudWatch::CompositeAlarm"
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
_GIVEN = ("AlarmDescription", "AlarmRule", "Tags", *_ACTIONS)


def request(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The request to PutCompositeAlarm. Raises ValueError for what is not acted out here.

    >>> request("both", {"AlarmRule": 'ALARM("a")', "ActionsEnabled": "false"})
    {'AlarmName': 'both', 'AlarmRule': 'ALARM("a")', 'ActionsEnabled': False}
    """
    unknown = [key for key in properties if key.startswith("ActionsSuppressor")]
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: the embedded cloud does not act out suppressors")
    enabled = str(properties.get("ActionsEnabled", True)).lower() != "false"
    given = {key: properties[key] for key in _GIVEN if properties.get(key)}
    return {"AlarmName": name, **given, "ActionsEnabled": enabled}


def install() -> None:
    """Apply the hook."""
    from ministack.services import cloudwatch
    from ministack.services.cloudformation import provisioners

    alarms = private(cloudwatch, "_composite_alarms")
    physical = private(provisioners, "_physical_name")
    put, delete = private(cloudwatch, "_put_composite_alarm"), private(cloudwatch, "_delete_alarms")

    def ask(call: Any, data: dict[str, Any]) -> None:
        status, _, body = call({}, data, False, True)
        if status != 200:
            raise ValueError(json.loads(body).get("message", "refused"))

    def made(name: str, properties: dict[str, Any]) -> tuple[str, dict[str, str]]:
        ask(put, request(name, properties))
        return name, {"Arn": alarms[name]["AlarmArn"]}

    def named(logical_id: str, properties: dict[str, Any], stack: str) -> str:
        return str(properties.get("AlarmName") or physical(stack, logical_id, max_len=255))

    def created(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        return made(named(logical_id, properties, stack), properties)

    def updated(
        physical_id: str, _old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str = ""
    ) -> tuple[str, dict[str, str]]:
        answer = made(named(logical_id or physical_id, new, stack), new)
        if answer[0] != physical_id:
            deleted(physical_id, new)
        return answer

    def deleted(physical_id: str, _properties: dict[str, Any]) -> None:
        if physical_id in alarms:
            ask(delete, {"AlarmNames": [physical_id]})

    handlers: dict[str, Any] = private(provisioners, "_RESOURCE_HANDLERS")
    handlers[TYPE] = {"create": created, "update": updated, "delete": deleted}
