"""The platform's APIs, closed and opened: by maintenance mode, or by the limit of their stages.

In maintenance mode the functions answer 503, and when to ask again. With a limit of 0 requests API Gateway
refuses every request with 429, and calls no function.
"""

from __future__ import annotations

from collections.abc import Iterable

from ona.config.flags import FlagName
from operations.reading.inventory import Inventory
from operations.reading.stops import Door
from ops.flags import Flags
from ops.target import Target

FLAG: FlagName = "maintenance_mode"

_WHY_LETTERS = 600
"""So much of a reason stands beside the flag, which has room for 1 024 characters in all (ours)."""
_ALL = "*/*"
"""All methods of all resources of a stage (Amazon API Gateway API reference, Stage: methodSettings)."""


def read(target: Target, holds: Inventory) -> list[Door]:
    """The stages that are open and have limits of their own, as ours all have. Changes nothing."""
    gateway, found = target.client("apigateway"), []
    for api in holds.of("AWS::ApiGateway::RestApi"):
        for stage in gateway.get_stages(restApiId=api)["item"]:
            limits = stage.get("methodSettings", {}).get(_ALL, {})
            rate, burst = limits.get("throttlingRateLimit"), limits.get("throttlingBurstLimit")
            if rate or burst:
                found.append(Door(api=api, stage=stage["stageName"], rate=rate or 0.0, burst=burst or 0))
    return found


def close(target: Target, found: Iterable[Door]) -> None:
    """Let no request in."""
    for door in found:
        _limit(target, door, 0.0, 0)


def open_again(target: Target, recorded: Iterable[Door]) -> None:
    """Give each stage the limits that it had; one that is gone stays gone."""
    gateway = target.client("apigateway")
    for door in recorded:
        try:
            _limit(target, door, door.rate, door.burst)
        except gateway.exceptions.NotFoundException:
            continue


def _limit(target: Target, door: Door, rate: float, burst: int) -> None:
    patches = [
        {"op": "replace", "path": f"/{_ALL}/throttling/{name}", "value": f"{value:g}"}
        for name, value in (("rateLimit", rate), ("burstLimit", burst))
    ]
    target.client("apigateway").update_stage(
        restApiId=door.api, stageName=door.stage, patchOperations=patches
    )


def in_maintenance(target: Target) -> bool:
    """Whether maintenance mode is on. Raises OpsError where there are no flags."""
    return next(item.now for item in Flags(target).standings() if item.name == FLAG)


def maintenance(target: Target, on: bool, why: str, by: str) -> None:
    """Turn maintenance mode on or off, where it is not so already."""
    if in_maintenance(target) != on:
        short = why[:_WHY_LETTERS]  # the stop's own document has the whole reason
        Flags(target).change(FLAG, on, gradually=False, why=short, by=by)
