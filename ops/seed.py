"""What a fresh platform needs before the first file: a signing key, and crews.

The sample fleet gets example crews. Whoever brings another plant brings its crews too: `ops.crews` says
where they are written.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from ona.documents.assets import Asset, AssetRegistry, Location
from ona.outbox import signing
from ona.store.tables import to_item
from ooda.config import loss_function
from ops.target import TEMPLATE, Target, use_configs

SAMPLE = TEMPLATE.parent / "samples" / "assets.json"
"""The registry of the sample fleet."""


def is_sample_fleet(registry: AssetRegistry) -> bool:
    """Whether all registered assets are those of the sample fleet, where they stand there."""

    def marks(asset: Asset) -> tuple[object, ...]:
        return asset.id, asset.site_id, asset.customer_id, asset.location

    sample = AssetRegistry.parse(json.loads(SAMPLE.read_text("utf-8")))
    ours = {marks(asset) for asset in sample.assets}
    return bool(registry.assets) and all(marks(asset) in ours for asset in registry.assets)


def put_sample_crews(target: Target, registry: AssetRegistry | None) -> int:
    """Put example crews beside the sample fleet, on the embedded cloud; for any other fleet none. Returns
    how many were not there yet."""
    if target.embedded is None or registry is None or not is_sample_fleet(registry):
        return 0
    place = next((asset.location for asset in registry.assets if asset.location), None)
    return put_crews(target, example_crews(place)) if place else 0


def example_crews(base: Location, prefix: str = "crew") -> list[dict[str, Any]]:
    """As many crews as `crews_available` says, around a base, with all skills between them."""
    use_configs()
    rules = loss_function.loss_function_config().crew
    return [
        {
            "crew_id": f"{prefix}-{number + 1:03d}",
            "status": "available",
            "base": {
                "latitude": round(base.latitude + 0.12 * (-1) ** number, 4),
                "longitude": round(base.longitude + 0.10, 4),
            },
            "specialisations": list(rules.specializations),
            "size": 2 + number % 2,
        }
        for number in range(rules.crews_available)
    ]


def put_crews(target: Target, crews: list[dict[str, Any]]) -> int:
    """Add crews that are not there yet; those that are keep their calendar. Returns how many."""
    dynamodb = target.client("dynamodb")
    added = 0
    for crew in crews:
        try:
            dynamodb.put_item(
                TableName=target.outputs["CrewsTableName"],
                Item=to_item(crew),
                ConditionExpression="attribute_not_exists(crew_id)",
            )
            added += 1
        except dynamodb.exceptions.ConditionalCheckFailedException:
            continue
    return added


def put_signing_key(target: Target) -> None:
    """The key that webhook secrets are derived from, unless there is one: it is never changed here."""
    ssm = target.client("ssm")
    name = f"/ona-platform/{target.outputs['Environment']}/{signing.SIGNING_KEY}"
    try:
        ssm.put_parameter(Name=name, Type="SecureString", Value=secrets.token_urlsafe(32), Overwrite=False)
    except ssm.exceptions.ParameterAlreadyExists:
        return
