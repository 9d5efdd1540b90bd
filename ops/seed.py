"""What a fresh platform needs before the first file: crews (`ona up` puts two examples), a signing key."""

from __future__ import annotations

import secrets
from typing import Any

from ona.documents.assets import Location
from ona.outbox import signing
from ona.store.tables import to_item
from ooda.config import loss_function
from ops.target import Target, use_configs


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
