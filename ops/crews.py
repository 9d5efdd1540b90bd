"""Whether crews can reach the registered assets.

A plant that is far from every crew is told so at once, with the place where crews are written: else its
first fault would find nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ona.documents.assets import Asset, AssetRegistry
from ona.repairs.crews import Crew
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.words import counted
from ona.store.tables import from_item
from ona.store.unreadable import readable
from ooda.config import loss_function
from ooda.layout import TRAVEL
from ooda.schedule.rules import Legs, PlanningRules
from ooda.schedule.travel import leg, measured_leg, parse_legs
from ops.target import Target, use_configs

WHERE = "docs/operations/settings.md#crews"
"""The page that says how a crew is written."""


@dataclass(frozen=True)
class Far:
    """An asset that no crew reaches. `nearest`: the crew that is nearest, None where there is none."""

    asset: Asset
    nearest: Crew | None
    km: float


def hint(target: Target, registry: AssetRegistry) -> str:
    """What to do where assets have no crew; empty where each has one, or where nobody may look."""
    use_configs()
    try:
        crews, legs = _crews(target), _legs(target)
        config = loss_function.loss_function_config()
    except (BotoCoreError, ClientError, InvalidConfiguration):
        return ""  # `ona validate` names a wrong file; the command that hints did its work
    rules = PlanningRules(config, config.weights, legs=legs)
    far = out_of_reach(registry.assets, crews, rules)
    return in_words(far, len(registry.assets), rules, target.outputs["CrewsTableName"]) if far else ""


def out_of_reach(assets: Sequence[Asset], crews: Sequence[Crew], rules: PlanningRules) -> list[Far]:
    """The assets with a location to which no available crew may travel, by the plan's own rule."""
    able = [crew for crew in crews if crew.status == "available"]
    far = []
    for asset in assets:
        if asset.location is None and able:
            continue  # nobody knows; the plan takes it for as far as crews may travel
        ways = [
            (leg(crew.crew_id, asset.site_id, crew.base, asset.location, rules)[1], crew)
            for crew in able
            if crew.base or measured_leg(crew.crew_id, asset.site_id, rules)
        ]
        km, nearest = min(ways, key=lambda way: way[0], default=(0.0, None))
        if nearest is None or km > rules.crew.max_travel_distance_km:
            far.append(Far(asset, nearest, km))
    return far


def in_words(far: Sequence[Far], assets: int, rules: PlanningRules, table: str) -> str:
    """What is missing, for which assets, and where crews are written."""
    first = far[0]
    if first.nearest is None:
        why = "no crew is available"
    else:
        why = f"the nearest crew, {first.nearest.crew_id}, is {first.km:,.0f} km from {first.asset.id}"
    place = first.asset.location
    base = (
        f"; {first.asset.id} is at latitude {place.latitude:g}, longitude {place.longitude:g}"
        if place
        else ""
    )
    return (
        f"nobody can be sent to {len(far)} of {counted(assets, 'asset')}: {why}, and a crew travels "
        f"{rules.crew.max_travel_distance_km:g} km at most. Put your crews into the table {table}: "
        f"{WHERE} has the command{base}"
    )


def ids(target: Target) -> set[str]:
    """The ids in the crews table, also of crews that nobody can read."""
    return {str(item.get("crew_id")) for item in _items(target)}


def _crews(target: Target) -> list[Crew]:
    """The crews; one that nobody can read is left out."""
    table = target.outputs["CrewsTableName"]
    return readable(((table, item) for item in _items(target)), lambda item: Crew.read(item, table), [])


def _items(target: Target) -> list[dict[str, Any]]:
    pages = target.client("dynamodb").get_paginator("scan")
    table = target.outputs["CrewsTableName"]
    return [from_item(item) for page in pages.paginate(TableName=table) for item in page["Items"]]


def _legs(target: Target) -> Legs:
    """Measured ways; none where there is no file, or a wrong one."""
    s3 = target.client("s3")
    with suppress(s3.exceptions.NoSuchKey, InvalidConfiguration):
        return parse_legs(s3.get_object(Bucket=target.input_bucket, Key=TRAVEL)["Body"].read())
    return {}
