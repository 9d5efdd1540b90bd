"""Whose upload it is, and on which sites its assets stand.

>>> addressed("historical/customer-001/2024_q1.csv")
('historical', 'customer-001')
>>> addressed("nowcast/2025/06/10/INV-001_nowcast.csv")
('nowcast', None)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import pandas as pd

from forecasting.documents import SiteDocument
from forecasting.layout import HISTORICAL, HISTORICAL_UPLOAD, NOWCAST, NOWCAST_OF_CUSTOMER
from ona.documents import names
from ona.documents.assets import Asset, AssetRegistry, wind_and_other
from ona.runtime.errors import InvalidTelemetry
from ona.runtime.words import listed

Kind = Literal["historical", "nowcast"]
NAMED = 3
"""Assets of a group that a refusal names (ours)."""


def addressed(key: str) -> tuple[Kind, str | None]:
    """Kind of an upload and the customer its key names (None: a nowcast straight into the bucket).

    Raises InvalidTelemetry for a key that is neither.
    """
    customer: str | None
    if key.lower().endswith(".csv"):
        if fields := HISTORICAL.parse(key):
            customer = fields["customer_id"]
            if customer is not None and not names.customer_problem(customer):
                return "historical", customer
        elif NOWCAST.parse(key):
            return "nowcast", None
        elif fields := NOWCAST_OF_CUSTOMER.parse(key):
            customer = fields["customer_id"]
            if customer is not None and not names.customer_problem(customer):
                return "nowcast", customer
    raise InvalidTelemetry(
        "wrong_place",
        "the object's name is no upload's",
        where=key,
        remedy="use historical/<customer>/<name>.csv or nowcast/YYYY/MM/DD/<asset>_nowcast.csv",
    )


def addressees(key: str, registry: AssetRegistry) -> list[Asset]:
    """The assets that an upload without a column `asset_id` can be of: those of the site that its key
    names, else its customer's; none for a key that names no customer."""
    fields = HISTORICAL_UPLOAD.parse(key) or HISTORICAL.parse(key) or NOWCAST_OF_CUSTOMER.parse(key) or {}
    own = [asset for asset in registry.assets if asset.customer_id == fields.get("customer_id")]
    return [asset for asset in own if asset.site_id == fields.get("site_id")] or own


def sites(
    frame: pd.DataFrame, registry: AssetRegistry, customer: str | None, where: str
) -> dict[tuple[str, str], list[Asset]]:
    """The sites that a file's assets stand on: (customer, site) → all registered assets of that site.

    Raises InvalidTelemetry when an asset is another customer's, or its site has no place, or has sun and
    wind: one forecast is made of one of them.
    """
    here = {str(name) for name in frame["asset_id"].unique()}
    in_file = [asset for asset in registry.assets if asset.id in here]
    if in_file and all(asset.is_storage for asset in in_file):
        raise InvalidTelemetry(
            "storage_asset",
            f"only batteries or other storage: {', '.join(asset.id for asset in in_file[:5])}; what they "
            "give does not follow from sun or wind",
            where=where,
            remedy="send the telemetry of the inverters or turbines",
        )
    foreign = sorted(
        asset.id for asset in in_file if customer is not None and asset.customer_id != customer
    )
    if foreign:
        raise InvalidTelemetry(
            "foreign_asset",
            f"assets that are not {customer}'s: {', '.join(foreign[:5])}{' …' if len(foreign) > 5 else ''}",
            where=where,
            remedy="put the file again under its own customer's prefix, or correct customer_id in "
            "assets.json, then `./ona dlq redrive`",
        )
    by_site: dict[tuple[str, str], list[Asset]] = {}
    for customer_id, site_id in sorted(
        {(asset.customer_id, asset.site_id) for asset in in_file if not asset.is_storage}
    ):
        if names.customer_problem(customer_id) or not names.is_site(site_id):
            reserved = ", ".join(sorted(names.RESERVED_CUSTOMERS))
            raise InvalidTelemetry(
                "wrong_name",
                f"customer {customer_id!r} or site {site_id!r} cannot be part of an object's name",
                where=f"{where}; assets.json",
                remedy="use letters, digits, dot, underscore and hyphen in assets.json; no customer is "
                f"named {reserved}; then `./ona dlq redrive`",
            )
        group = [
            a
            for a in registry.assets
            if (a.customer_id, a.site_id) == (customer_id, site_id) and not a.is_storage
        ]
        if not any(asset.location for asset in group):
            raise InvalidTelemetry(
                "no_location",
                f"no asset of site {site_id} says where it stands; a forecast needs sun and weather",
                where=f"{where}; assets.json",
                remedy="add location {latitude, longitude} to the site's assets, then `./ona dlq redrive`",
            )
        _of_one_kind(site_id, group, where)
        by_site[customer_id, site_id] = group
    return by_site


def _of_one_kind(site_id: str, group: list[Asset], where: str) -> None:
    """Raises InvalidTelemetry when a site has wind turbines and others: its power follows neither sun nor
    wind."""
    turbines, others = wind_and_other(group)
    if turbines and others:
        raise InvalidTelemetry(
            "mixed_site",
            f"site {site_id} has wind turbines ({listed(turbines, NAMED)}) and others "
            f"({listed(others, NAMED)}); a site's forecast is made from sun or from wind",
            where=f"{where}; assets.json",
            remedy=f'give one of the two groups a site_id of its own in assets.json, say "{site_id}-wind"; '
            "GET /forecast without site_id adds them up; then `./ona dlq redrive`",
        )


def parts(
    frame: pd.DataFrame, by_site: Mapping[tuple[str, str], list[Asset]]
) -> Iterator[tuple[SiteDocument, pd.DataFrame]]:
    """Each site's document and its rows of the frame; sites without rows are left out."""
    for (customer_id, site_id), assets in by_site.items():
        site = SiteDocument.of(customer_id, site_id, assets)
        rows = frame[frame["asset_id"].isin({asset.id for asset in assets})]
        if site is not None and not rows.empty:
            yield site, rows
