"""The forecasting models in service: list their versions, let an earlier version serve again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from forecasting.documents import PHYSICS, Current, ModelCard, Serving
from forecasting.layout import FORECAST_LATEST, MODEL_CARD, MODEL_CURRENT, MODEL_MANIFEST
from ona.documents import names
from ona.runtime.errors import InvalidInput
from ona.store.s3 import WRITTEN_BY_OTHERS
from ona.store.unreadable import Unreadable, readable
from ops import identifiers
from ops.target import OpsError, Target


@dataclass(frozen=True)
class Version:
    """The model card of one version, and the sites that the version serves, by id."""

    card: ModelCard
    sites: tuple[str, ...]

    @property
    def serves(self) -> bool:
        """Whether it serves a site."""
        return bool(self.sites)


@dataclass(frozen=True)
class Site:
    """What serves a site, since when and why, as `current.json` has it."""

    customer_id: str
    site_id: str
    serving: Serving


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
    """What serves a customer's sites, and the ETag of that document. Raises OpsError for a damaged one."""
    key = MODEL_CURRENT.build(customer_id=customer_id)
    try:
        stored = _read(target, key)
        return (Current.read(stored[0], key), stored[1]) if stored else None
    except (InvalidInput, ValueError) as error:
        raise OpsError(f"s3://{target.output_bucket}/{key} cannot be read: {error}") from error


def _entries(target: Target, customer_id: str, current: Current) -> dict[str, Serving]:
    """What serves each site. A document of before it told of sites names one version, which serves the
    sites that it was trained on."""
    if current.sites is not None:
        return dict(current.sites)
    stored = _read(target, MODEL_CARD.build(customer_id=customer_id, version=current.version))
    entry = Serving(
        version=current.version, since=current.changed_at, why=current.reason, previous=current.previous
    )
    return dict.fromkeys(_learned(ModelCard.read(stored[0], "card.json")), entry) if stored else {}


def _learned(card: ModelCard) -> list[str]:
    """The sites that a version has learned."""
    return [fitted.site.site_id for fitted in card.sites]


def served(target: Target, customer_id: str | None, bad: list[Unreadable] | None = None) -> list[Site]:
    """What serves each site of one customer, or of all; a document that nobody can read is put aside."""
    _check(customer_id)
    pages = target.client("s3").get_paginator("list_objects_v2")
    prefix = MODEL_CURRENT.prefix(**({"customer_id": customer_id} if customer_id else {}))
    keys = [
        entry["Key"]
        for page in pages.paginate(Bucket=target.output_bucket, Prefix=prefix)
        for entry in page.get("Contents", [])
    ]
    found = [fields["customer_id"] for key in keys if (fields := MODEL_CURRENT.parse(key))]

    def read(name: str) -> list[Site]:
        stored = _read(target, MODEL_CURRENT.build(customer_id=name))
        if stored is None:
            return []
        current = Current.read(stored[0], name)
        entries = _entries(target, name, current)
        return [Site(name, site_id, entry) for site_id, entry in sorted(entries.items())]

    named = (
        (f"s3://{target.output_bucket}/{MODEL_CURRENT.build(customer_id=name)}", name)
        for name in sorted(set(found) - names.RESERVED_CUSTOMERS)
    )
    return [site for part in readable(named, read, bad) for site in part]


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

    sites = served(target, customer_id)

    def read(key: str) -> Version | None:
        stored = _read(target, key)
        if stored is None:
            return None
        card: ModelCard = ModelCard.read(stored[0], key)
        name = (card.customer_id, card.version)
        here = (site.site_id for site in sites if (site.customer_id, site.serving.version) == name)
        return Version(card, tuple(here))

    named = ((f"s3://{target.output_bucket}/{key}", key) for key in keys)
    rows = [row for row in readable(named, read, bad) if row]
    return sorted(rows, key=lambda row: (row.card.customer_id, row.card.version))


def rollback(
    target: Target, customer_id: str, version: str | None, site_id: str | None = None
) -> Current | None:
    """Let another version serve, or physics: the one named, or what served each site before.

    Without `version` each call goes one step further back, never forward again: what served before the
    version that serves then is what that version took the place of. With `version` it is a choice, and the
    next call without takes it back. `site_id`: this site only; all sites that can go back without. The next
    request for a forecast has what serves then. Returns the new document, or None when a training moved it
    meanwhile. Raises OpsError when there is no such version, when the version has not learned the site, and
    where no site has anything before.
    """
    _check(customer_id, version, site_id)
    serving = _current(target, customer_id)
    if serving is None:
        told = identifiers.otherwise(customer_id, "")
        raise OpsError(f"{customer_id} has no model in service; see `ona models list`{told}")
    current, etag = serving
    entries = _entries(target, customer_id, current)
    if site_id is not None and site_id not in entries:
        raise OpsError(f"{customer_id} has no site {site_id} that a model was judged for")
    chosen = [site_id] if site_id is not None else sorted(entries)
    now = datetime.now(UTC)
    moved = {}
    for name in chosen:
        entry = entries[name]
        wanted = version or _before(target, customer_id, name, entry)
        card = _card(target, customer_id, wanted) if wanted not in ("", PHYSICS) else None
        if not wanted or wanted == entry.version or (card is not None and name not in _learned(card)):
            continue
        if version:
            why = f"chosen by an operator, in the place of {entry.version}"
            before = entry.version
        else:
            why = f"rolled back by an operator, from {entry.version}"
            before = _replaced(card, name)
        moved[name] = Serving(version=wanted, since=now, why=why, previous=before)
    if not moved:
        raise OpsError(_nothing_before(customer_id, version, site_id, [entries[one] for one in chosen]))
    after = {**entries, **moved}
    newest = max((entry.version for entry in after.values() if entry.version != PHYSICS), default="")
    document = Current(
        version=newest,
        previous=current.version,
        changed_at=now,
        reason=next(iter(moved.values())).why,
        sites=after,
        judged=current.judged or current.version,
    )
    if not _written(target, customer_id, document, etag):
        return None
    for name in moved:  # the next request forecasts anew: what is stored is of the model before
        stored = FORECAST_LATEST.build(customer_id=customer_id, site_id=name)
        target.client("s3").delete_object(Bucket=target.output_bucket, Key=stored)
    return document


_OLD_WHY = "rolled back by an operator"
"""The reason of a rollback of earlier versions; its `previous` is the version that it was taken from."""


def _before(target: Target, customer_id: str, site_id: str, entry: Serving) -> str:
    """What served a site before what serves it now; "" where nothing did."""
    if entry.why != _OLD_WHY:
        return entry.previous
    found = _read(target, MODEL_CARD.build(customer_id=customer_id, version=entry.version))
    return _replaced(ModelCard.read(found[0], "card.json"), site_id) if found else ""


def _replaced(card: ModelCard | None, site_id: str) -> str:
    """What a version took the place of at a site, by its card: a version or physics; "" where there is no
    card. Cards of earlier versions do not say it site by site."""
    if card is None:
        return ""
    if site_id in card.verdicts:
        return card.verdicts[site_id].against
    return card.compared_with if card.compared_with.startswith("v") else PHYSICS


def _nothing_before(
    customer_id: str, version: str | None, site_id: str | None, entries: list[Serving]
) -> str:
    """Why no site was moved."""
    which = f"site {site_id} of {customer_id}" if site_id else f"no site of {customer_id}"
    if version is not None:
        return f"{which}: it has {version} already, or {version} has not learned it"
    serving = " and ".join(sorted({entry.version for entry in entries}))
    return (
        f"{which} can go back: nothing served before {serving}. `ona models list {customer_id}` names the "
        "versions that there are, and `--version` chooses one"
    )


def _card(target: Target, customer_id: str, version: str) -> ModelCard:
    """A version's card. Raises OpsError where there is no such version."""
    names = {"customer_id": customer_id, "version": version}
    card = _read(target, MODEL_CARD.build(**names))
    if card is None or _read(target, MODEL_MANIFEST.build(**names)) is None:
        told = identifiers.otherwise(version, "model's version")
        raise OpsError(f"{customer_id} has no version {version}; see `ona models list {customer_id}`{told}")
    return ModelCard.read(card[0], "card.json")


def _written(target: Target, customer_id: str, document: Current, etag: str) -> bool:
    """Whether the document was written over the one with this ETag."""
    s3 = target.client("s3")
    try:
        s3.put_object(
            Bucket=target.output_bucket,
            Key=MODEL_CURRENT.build(customer_id=customer_id),
            Body=json.dumps(document.document(), indent=2).encode(),
            ContentType="application/json",
            IfMatch=etag,
        )
    except Exception as error:
        code = (getattr(error, "response", None) or {}).get("Error", {}).get("Code")
        if code in WRITTEN_BY_OTHERS:
            return False
        raise
    return True
