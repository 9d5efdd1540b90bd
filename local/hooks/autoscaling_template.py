"""CloudFormation: the two types of Application Auto Scaling, made by its own calls.

Source: CloudFormation, AWS::ApplicationAutoScaling::ScalableTarget and ScalingPolicy ("Return values").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.hooks.autoscaling import Json, Service, key_of
from local.hooks.base import private
from local.hooks.scalable_resources import Refused


def provision(service: Service) -> None:
    """Let CloudFormation make the two types."""
    from ministack.services.cloudformation import provisioners

    def of_policy(properties: Json) -> Json:
        by_id = str(properties.get("ScalingTargetId", "")).split("|")
        named = dict(zip(("ResourceId", "ScalableDimension", "ServiceNamespace"), by_id, strict=False))
        return {**(named if len(by_id) == 3 else {}), **properties}

    def refusing(call: Callable[[Json], Json], properties: Json) -> Json:
        try:
            return call(properties)
        except Refused as refused:
            raise ValueError(f'Resource handler returned message: "{refused}"') from refused

    def target(_logical: str, properties: Json, _stack: str) -> Any:
        refusing(service.register_scalable_target, properties)
        return key_of(properties), {"Id": key_of(properties)}

    def policy(_logical: str, properties: Json, _stack: str) -> Any:
        arn = refusing(service.put_scaling_policy, of_policy(properties))["PolicyARN"]
        return arn, {"Arn": arn}

    def remade(make: Any, forget: Any) -> Any:
        """An update: what its properties name may be another one, then the one of before goes."""

        def update(physical: str, old: Json, new: Json, stack: str, *_rest: Any) -> Any:
            made = make("", new, stack)
            if made[0] != physical:
                forget(physical, old)
            return made

        return update

    def forgetting(call: Callable[[Json], Json], read: Callable[[Json], Json]) -> Any:
        def delete(_physical: str, properties: Json) -> None:
            try:
                call(read(properties))
            except Refused as refused:  # it went with its target
                if refused.code != "ObjectNotFoundException":
                    raise ValueError(str(refused)) from refused

        return delete

    no_target = forgetting(service.deregister_scalable_target, dict)
    no_policy = forgetting(service.delete_scaling_policy, of_policy)
    handlers: dict[str, Json] = private(provisioners, "_RESOURCE_HANDLERS")
    for kind, make, forget in (("ScalableTarget", target, no_target), ("ScalingPolicy", policy, no_policy)):
        handlers[f"AWS::ApplicationAutoScaling::{kind}"] = {
            "create": make,
            "update": remade(make, forget),
            "delete": forget,
        }
