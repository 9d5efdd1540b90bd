"""A customer's history as it lies in the buckets: sites' documents and hourly training tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from forecasting.documents import SiteDocument
from forecasting.global_training_service import dataset, tables
from forecasting.layout import SITE, TRAINING_HOURLY
from ona.documents import names
from ona.runtime.errors import InvalidPayload
from ona.store import parquet
from ona.store.unreadable import Unreadable, readable
from ops import identifiers
from ops.target import OpsError, Target


@dataclass(frozen=True)
class History:
    """A site and its hours, the newest upload's where two have one: `share` (0…1 of the capacity, NaN where
    nothing was measured) and the weather, indexed by the hour's end (UTC)."""

    site: SiteDocument
    hours: pd.DataFrame


def load(target: Target, customer_id: str, now: datetime, bad: list[Unreadable]) -> list[History]:
    """The histories of all sites of a customer, by site. What cannot be read is put into `bad`.

    Raises OpsError where the customer has no training table, and where none can be read.
    """
    if not names.is_site(customer_id):
        told = identifiers.otherwise(customer_id, "customer")
        raise OpsError(f"{identifiers.shown(customer_id)} is no customer's name{told}")
    by_site: dict[str, list[str]] = {}
    for entry in sorted(_entries(target, customer_id), key=lambda entry: entry["LastModified"]):
        if fields := TRAINING_HOURLY.parse(entry["Key"]):
            by_site.setdefault(fields["site_id"], []).append(entry["Key"])
    if not by_site:
        told = identifiers.otherwise(customer_id, "customer")
        raise OpsError(
            f"{customer_id} has no history in s3://{target.input_bucket}/training/: is the name right "
            f"(`ona customers list`), and has an upload of history ended (`ona status`)?{told}"
        )
    found = []
    for site_id, keys in sorted(by_site.items()):
        key = SITE.build(customer_id=customer_id, site_id=site_id)
        documents = readable([(f"s3://{target.output_bucket}/{key}", key)], _site_reader(target), bad)
        named = [(f"s3://{target.input_bucket}/{name}", name) for name in keys]
        usable = readable(named, _table_reader(target, now), bad)
        if documents and usable:
            found.append(History(documents[0], dataset.merge(usable)))
    if not found:
        raise OpsError(f"nothing of the history of {customer_id} can be read: {bad[0].where}: {bad[0].why}")
    return found


def _entries(target: Target, customer_id: str) -> Iterator[Any]:
    pages = target.client("s3").get_paginator("list_objects_v2")
    prefix = TRAINING_HOURLY.prefix(customer_id=customer_id)
    for page in pages.paginate(Bucket=target.input_bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def _site_reader(target: Target) -> Any:
    def read(key: str) -> SiteDocument:
        site: SiteDocument = SiteDocument.read(json.loads(_body(target, target.output_bucket, key)), key)
        return site

    return read


def _table_reader(target: Target, now: datetime) -> Any:
    def read(key: str) -> pd.DataFrame:
        where = f"s3://{target.input_bucket}/{key}"
        body = _body(target, target.input_bucket, key)
        try:
            table = parquet.load(body)
        except Exception as error:  # whatever fastparquet says of bytes that are none of its own
            raise InvalidPayload(f"{where} is no Parquet file: {type(error).__name__}") from error
        return tables.checked(table, where, now)

    return read


def _body(target: Target, bucket: str, key: str) -> bytes:
    body: bytes = target.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body
