"""The forecasting models in service: list their versions, let an earlier version serve again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from forecasting.documents import Current, ModelCard
from forecasting.layout import MODEL_CARD, MODEL_CURRENT, MODEL_MANIFEST
from ona.documents import names
from ona.store.s3 import WRITTEN_BY_OTHERS
from ona.store.unreadable import Unreadable, readable
from ops import identifiers
from ops.target import OpsError, Target


@dataclass(frozen=True)
class Version:
    """The model card of one version, and whether the version serves."""

    card: ModelCard
    serves: bool


def _check(*given: str | None) -> None:
    """Raises OpsError for what cannot stand in the key of a model."""
    for name in given:
        if name is not None and not names.is_site(name):
            told = identifiers.otherwise(name, "model's version")
            name = identifiers.shown(name)
            raise OpsError(f"{name} is no customer's and no version's name; see `ona models list`{told}")


def _read(target: Target, key: str) -> tuple[Any, str] | None:
    """A JSON object of the output bucket and its ETag; None where there is none."""
    s3 = target.client("s3")
    try:
        answer = s3.get_object(Bucket=target.output_bucket, Key=key)
    except s3.exceptions.NoSuchKey:
        return None
    return json.loads(answer["Body"].read()), str(answer["ETag"])


def _current(target: Target, customer_id: str) -> tuple[Current, str] | None:
    """Which version of a customer's model serves, and the ETag of that pointer."""
    stored = _read(target, MODEL_CURRENT.build(customer_id=customer_id))
    return (Current.model_validate(stored[0]), stored[1]) if stored else None


def versions(target: Target, customer_id: str | None, bad: list[Unreadable] | None = None) -> list[Version]:
    """All versions that have a model card, of one customer or of all, by customer and time. A card that
    nobody can read is put aside."""
    _check(customer_id)
    pages = target.client("s3").get_paginator("list_objects_v2")
    prefix = MODEL_CARD.prefix(**({"customer_id": customer_id} if customer_id else {}))
    keys: list[str] = []
    for page in pages.paginate(Bucket=target.output_bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            if MODEL_CARD.parse(entry["Key"]):
                keys.append(entry["Key"])

    def read(key: str) -> Version | None:
        stored = _read(target, key)
        if stored is None:
            return None
        card: ModelCard = ModelCard.read(stored[0], key)
        pointer = _current(target, card.customer_id)
        return Version(card, bool(pointer and pointer[0].version == card.version))

    named = ((f"s3://{target.output_bucket}/{key}", key) for key in keys)
    rows = [row for row in readable(named, read, bad) if row]
    return sorted(rows, key=lambda row: (row.card.customer_id, row.card.version))


def rollback(target: Target, customer_id: str, version: str | None) -> Current | None:
    """Let an earlier version serve: the one named, or the one before the version that serves now.

    Returns the new pointer, or None when a training moved the pointer meanwhile.
    Raises OpsError when there is no such version.
    """
    _check(customer_id, version)
    serving = _current(target, customer_id)
    if serving is None:
        told = identifiers.otherwise(customer_id, "")
        raise OpsError(f"{customer_id} has no model in service; see `ona models list`{told}")
    pointer, etag = serving
    wanted = version or pointer.previous
    if not wanted:
        raise OpsError(f"{customer_id}: {pointer.version} is the first model; there is none before it")
    if _read(target, MODEL_MANIFEST.build(customer_id=customer_id, version=wanted)) is None:
        told = identifiers.otherwise(wanted, "model's version")
        raise OpsError(f"{customer_id} has no version {wanted}; see `ona models list {customer_id}`{told}")
    moved = Current(
        version=wanted,
        previous=pointer.version,
        changed_at=datetime.now(UTC),
        reason="rolled back by an operator",
    )
    s3 = target.client("s3")
    try:
        s3.put_object(
            Bucket=target.output_bucket,
            Key=MODEL_CURRENT.build(customer_id=customer_id),
            Body=json.dumps(moved.document(), indent=2).encode(),
            ContentType="application/json",
            IfMatch=etag,
        )
    except Exception as error:
        code = (getattr(error, "response", None) or {}).get("Error", {}).get("Code")
        if code in WRITTEN_BY_OTHERS:
            return None
        raise
    return moved
