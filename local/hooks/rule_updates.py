"""CloudFormation: a rule without a role can be updated.

ministack 1.5.33 hands an empty RoleArn to PutRule then, which PutRule refuses: its member has at least one
character (Amazon EventBridge API Reference, PutRule).
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from local.hooks.base import private, replace


def install() -> None:
    """Apply the hook, after the limits: they look at what PutRule is given."""
    from ministack.services import eventbridge
    from ministack.services.cloudformation import provisioners

    handler = private(provisioners, "_RESOURCE_HANDLERS")["AWS::Events::Rule"]
    update, put = handler["update"], private(eventbridge, "_put_rule")
    by_template: ContextVar[bool] = ContextVar("by_template", default=False)

    def putting(data: dict[str, Any]) -> Any:
        if by_template.get() and not data.get("RoleArn"):
            data = {name: value for name, value in data.items() if name != "RoleArn"}
        return put(data)

    def updating(*given: Any, **named: Any) -> Any:
        token = by_template.set(True)
        try:
            return update(*given, **named)
        finally:
            by_template.reset(token)

    replace(eventbridge, "_put_rule", putting)
    handler["update"] = updating
