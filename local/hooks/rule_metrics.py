"""CloudWatch: what EventBridge measures of its rules, as AWS/Events.

`Invocations` by rule and in all, `FailedInvocations` and `InvocationsSentToDlq` by rule; the last two only
where there is one. Nothing is retried here, so each try is the last. A custom bus is a dimension too.
Source: Amazon EventBridge User Guide, "Monitoring Amazon EventBridge" (eb-monitoring).
"""

from __future__ import annotations

import threading
from typing import Any

from local.hooks import metrics, roles_services
from local.hooks.base import private, replace
from local.hooks.service_metrics import in_scope

EVENTS = "AWS/Events"
DEFAULT_BUS = "default"
Json = dict[str, Any]


def told(rule: Json, target: Json, refused: bool) -> list[tuple[str, dict[str, str]]]:
    """The metrics of one invocation, each 1: names and dimensions.

    >>> told({"Name": "r"}, {}, refused=False)
    [('Invocations', {}), ('Invocations', {'RuleName': 'r'})]
    >>> told({"Name": "r", "EventBusName": "b"}, {"DeadLetterConfig": {"Arn": "a"}}, refused=True)[-1]
    ('InvocationsSentToDlq', {'EventBusName': 'b', 'RuleName': 'r'})
    """
    bus = str(rule.get("EventBusName", DEFAULT_BUS))
    own = ({} if bus == DEFAULT_BUS else {"EventBusName": bus}) | {"RuleName": str(rule.get("Name", ""))}
    found: list[tuple[str, dict[str, str]]] = [("Invocations", {}), ("Invocations", own)]
    if refused:
        found.append(
            ("InvocationsSentToDlq" if target.get("DeadLetterConfig") else "FailedInvocations", own)
        )
    return found


def install() -> None:
    """Apply the hook, after that of the rules' roles, which refuses. Raises HookBroken."""
    from ministack.services import eventbridge

    invoke, letter = private(eventbridge, "_invoke_target"), private(roles_services, "_letter")
    here = threading.local()

    def lettered(*given: Any) -> Any:
        here.refused = True
        return letter(*given)

    def invoked(target: Json, event: Json, rule: Json, view: Any = None) -> Any:
        here.refused = False
        answer = invoke(target, event, rule, view)
        arn = str(rule.get("Arn") or "").split(":")
        if len(arn) > 5:
            for name, dimensions in told(rule, target, bool(here.refused)):
                in_scope(arn[4], arn[3], metrics.record, EVENTS, name, dimensions, 1.0, "Count")
        return answer

    replace(roles_services, "_letter", lettered)
    replace(eventbridge, "_invoke_target", invoked)
