"""EventBridge: who turns a rule on or off that is not there is refused.

ministack does nothing then, and answers that it was done. A bus is given by its name or its ARN. Source:
Amazon EventBridge API Reference, EnableRule and DisableRule (EventBusName, Errors).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.hooks.base import private, replace

Json = dict[str, Any]


def bus_of(given: str | None) -> str:
    """The name of a bus, from its name or ARN; `default` without one.

    >>> bus_of(None), bus_of("own"), bus_of("arn:aws:events:x:1:event-bus/own")
    ('default', 'own', 'own')
    """
    return (given or "default").rpartition("event-bus/")[2]


def install() -> None:
    """Apply the hook. Raises HookBroken."""
    from ministack.core.responses import error_response_json
    from ministack.services import eventbridge

    rules, key = private(eventbridge, "_rules"), private(eventbridge, "_rule_key")

    def refusing(done: Callable[[Json], Any]) -> Callable[[Json], Any]:
        def turn(data: Json) -> Any:
            name, bus = data.get("Name"), bus_of(data.get("EventBusName"))
            if key(name, bus) not in rules:
                text = f"Rule {name} does not exist on EventBus {bus}."
                return error_response_json("ResourceNotFoundException", text, 400)
            return done({**data, "EventBusName": bus})

        return turn

    for name in ("_enable_rule", "_disable_rule"):
        replace(eventbridge, name, refusing(private(eventbridge, name)))
