"""CloudFormation: point-in-time recovery of a table is on or off as its template says.

ministack drops the property. Nothing can be recovered here: it is known, as DescribeContinuousBackups tells
it, and `ona cost` pays for it. Source: AWS CloudFormation, AWS::DynamoDB::Table,
PointInTimeRecoverySpecification.
"""

from __future__ import annotations

from typing import Any

from local.hooks.base import private

Json = dict[str, Any]
KIND, PROPERTY = "AWS::DynamoDB::Table", "PointInTimeRecoverySpecification"


def wanted(properties: Json) -> bool:
    """Whether a template asks for it; a parameter gives a text.

    >>> wanted({PROPERTY: {"PointInTimeRecoveryEnabled": "true"}}), wanted({PROPERTY: {}}), wanted({})
    (True, False, False)
    """
    given = (properties.get(PROPERTY) or {}).get("PointInTimeRecoveryEnabled", False)
    return str(given).lower() == "true"


def install() -> None:
    """Apply the hook. Raises HookBroken."""
    from ministack.services import dynamodb
    from ministack.services.cloudformation import provisioners

    handlers: dict[str, Json] = private(provisioners, "_RESOURCE_HANDLERS")
    settings = private(dynamodb, "_pitr_settings")
    create, update = handlers[KIND]["create"], handlers[KIND]["update"]

    def created(logical: str, properties: Json, *rest: Any) -> Any:
        done = create(logical, properties, *rest)
        settings[done[0]] = wanted(properties)
        return done

    def updated(physical: str, old: Json, new: Json, *rest: Any, **more: Any) -> Any:
        done = update(physical, old, new, *rest, **more)
        name = done[0] if isinstance(done, tuple) else physical
        if wanted(old) != wanted(new) or name not in settings:
            settings[name] = wanted(new)
        return done

    handlers[KIND] = {**handlers[KIND], "create": created, "update": updated}
