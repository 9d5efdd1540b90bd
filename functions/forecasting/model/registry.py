"""Where models lie, and what serves each site.

Output bucket: `models/<customer>/<version>/…` never changes once written; `models/<customer>/current.json`
says what serves each site. It is replaced only by conditional writes, so that a rollback is one write and
two trainings at once cannot both win.

Whatever cannot be read has a stand-in (`in_service`); it is named in the log and counted, and nothing of it
stays in a process's memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from forecasting.documents import PHYSICS, Current, Fitted, ModelCard, Serving
from forecasting.layout import MODEL_CURRENT, MODEL_CURRENT_ASIDE
from forecasting.model import measured_days
from forecasting.model.calibration import Prior
from forecasting.model.forecaster import Forecaster
from forecasting.model.stored import (
    Loaded,
    load,
    read_card,
    read_model,
    versions,
    write_file,
    write_model,
)
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidConfiguration
from ona.runtime.identity import digest
from ona.store import s3
from ona.store.unreadable import attempted, note

__all__ = [
    "InService",
    "Pointer",
    "Service",
    "in_service",
    "is_promoted",
    "keep_aside",
    "pointer",
    "promote",
    "read_card",
    "read_model",
    "services",
    "versions",
    "write_file",
    "write_model",
]

UNTRAINED = (
    "no model has learned this site yet: physics forecasts it. 7 days of its history with their weather "
    "make one; the answer to an upload says what was missing"
)
"""Why physics serves a site of which no training has heard."""


@dataclass(frozen=True)
class InService:
    """A model ready to forecast one site that it has learned. `own_site`: the site as it was learned."""

    version: str
    card: ModelCard
    model: Forecaster
    own_site: Fitted

    @property
    def prior(self) -> Prior:
        """The scores that its training kept of this site, else those of all sites."""
        return measured_days.prior_of(self.card, self.own_site.site.site_id)

    @property
    def trained_until(self) -> date:
        """The last day of this site's history; that of all sites in a card that does not tell it."""
        own = self.card.experts.get(self.own_site.site.site_id)
        return date.fromisoformat(own.through) if own is not None else self.card.trained_until.date()


@dataclass(frozen=True)
class Service:
    """What serves a site: a model, or physics where `model` is None. `degraded`: what is missing."""

    model: InService | None
    since: datetime | None
    why: str
    degraded: tuple[str, ...] = ()
    previous: str = ""

    @property
    def version(self) -> str:
        """The model's version, or `physics`."""
        return self.model.version if self.model else PHYSICS


@dataclass(frozen=True)
class Pointer:
    """A customer's `current.json`: its content (None where there is none), its ETag for `promote`, and why
    nobody can read it ("" where all is well) with the bytes that lie there."""

    current: Current | None
    etag: str = ""
    damage: str = ""
    body: bytes = b""


# ------------------------------------------------------------------ the pointer


def pointer(bucket: str, customer_id: str) -> Pointer:
    """A customer's `current.json`, also where it is damaged: then the log and a metric name it."""
    key = MODEL_CURRENT.build(customer_id=customer_id)
    where = S3Pointer(bucket=bucket, key=key)
    read, damage = attempted(lambda: s3.read_bytes_tagged(where))
    body, etag = read or (b"", "")
    if not damage and not etag:
        return Pointer(None)
    current: Current | None = None
    if not damage:
        current, damage = attempted(lambda: Current.read(s3.parsed(body, where), key))
    if damage:
        note(f"s3://{bucket}/{key}", damage)
    return Pointer(current, etag, damage, body)


def promote(bucket: str, customer_id: str, moved: Current, etag: str) -> bool:
    """Write what serves each site; False when somebody else has written it meanwhile."""
    key = MODEL_CURRENT.build(customer_id=customer_id)
    return s3.write_json_if(bucket, key, moved.document(), etag)


def keep_aside(bucket: str, customer_id: str, damaged: Pointer) -> str:
    """Keep a damaged `current.json` as it is, under `models/<customer>/aside/`; returns its key there.

    Raises InvalidConfiguration where nobody may read it: then nothing can be kept, and nothing may be
    written over it.
    """
    if not damaged.etag:
        raise InvalidConfiguration(f"current.json of {customer_id} may not be read: {damaged.damage}")
    key = MODEL_CURRENT_ASIDE.build(customer_id=customer_id, digest=digest(damaged.etag, length=16))
    s3.write_bytes(bucket, key, damaged.body, "application/octet-stream")
    return key


def _for_site(found: Loaded, site_id: str) -> InService | None:
    """The model as it forecasts a site; None where it has not learned the site."""
    own = next((fitted for fitted in found.card.sites if fitted.site.site_id == site_id), None)
    return InService(found.card.version, found.card, found.model, own) if own is not None else None


# ------------------------------------------------------------------ what serves


_MOST_TRIED = 5
"""Older versions that are tried where one cannot be read. Ours."""


def in_service(bucket: str, customer_id: str, site_id: str) -> Service:
    """What forecasts a site.

    What `current.json` says. Where that, or the version that it names, cannot be read: the version before,
    else the newest whole version that was promoted for this site, else physics. Physics also forecasts a
    site that no model of its customer has learned.
    """
    return services(bucket, customer_id, [site_id])[site_id]


def services(
    bucket: str, customer_id: str, sites: Sequence[str], found: Pointer | None = None
) -> dict[str, Service]:
    """The same of several sites of a customer: each version is read once. `found`: its pointer, if read."""
    found = found or pointer(bucket, customer_id)
    reader = _Reader(bucket, customer_id)
    return {site_id: reader.service(found, site_id) for site_id in sites}


_UNLEARNED = Service(None, None, UNTRAINED, ("no_model",))
"""What serves a site that no model of its customer has learned."""


class _Reader:
    """Reads a customer's versions, each one once, and remembers which cannot be read: for one request."""

    def __init__(self, bucket: str, customer_id: str) -> None:
        self._bucket, self._customer = bucket, customer_id
        self._read: dict[str, Loaded | None] = {}
        self._names: list[str] | None = None

    def service(self, found: Pointer, site_id: str) -> Service:
        """What serves a site."""
        current = found.current
        if found.damage:
            damage = "the record of what serves this site cannot be read"
            return self._stand_in(site_id, damage, self._newest())
        entry = _entry(current, site_id) if current is not None else None
        if entry is None:
            return _UNLEARNED
        if entry.version == PHYSICS:
            return Service(None, entry.since, entry.why, ("no_model",), entry.previous)
        whole = self._whole(entry.version)
        if whole is not None:
            model = _for_site(whole, site_id)
            if model is None:
                return _UNLEARNED
            return Service(model, entry.since, entry.why, (), entry.previous)
        damage = f"version {entry.version} of the model cannot be read"
        return self._stand_in(site_id, damage, self._before(entry), entry.previous)

    def _before(self, entry: Serving) -> list[str]:
        """Versions older than one that cannot be read, the best first; none where physics served before.

        A newer one was taken back by an operator, or never promoted. Of a version that is not there at all
        nobody knows what served before it.
        """
        if entry.previous == PHYSICS and entry.version in self._newest():
            return []
        older = [name for name in self._newest() if name < entry.version]
        return sorted(older, key=lambda name: name != entry.previous)

    def _newest(self) -> list[str]:
        if self._names is None:
            self._names = versions(self._bucket, self._customer)
        return self._names

    def _stand_in(self, site_id: str, damage: str, names: list[str], served: str = "") -> Service:
        """The first whole version that was promoted for a site, or served it (`served`); else physics."""
        for version in names[:_MOST_TRIED]:
            whole = self._whole(version)
            if whole is None:
                continue
            model = _for_site(whole, site_id)
            if model is not None and (version == served or is_promoted(whole.card, site_id)):
                why = f"{damage}: version {version}, promoted for it before, stands in until it is repaired"
                return Service(model, None, why, ("older_model",))
        why = f"{damage}, and no older version is whole: physics stands in until it is repaired"
        return Service(None, None, why, ("model_unreadable", "no_model"))

    def _whole(self, version: str) -> Loaded | None:
        """A version, or None where it cannot be read: the log and a metric name it, once a request."""
        if version not in self._read:
            self._read[version], damage = attempted(partial(load, self._bucket, self._customer, version))
            if damage:
                note(f"s3://{self._bucket}/models/{self._customer}/{version}/", damage)
        return self._read[version]


def _entry(current: Current, site_id: str) -> Serving | None:
    """What a pointer says of a site. One of before it told of sites names one version for all."""
    if current.sites is not None:
        return current.sites.get(site_id)
    return Serving(
        version=current.version,
        since=current.changed_at,
        why=current.reason,
        previous=current.previous,
    )


def is_promoted(card: ModelCard, site_id: str) -> bool:
    """Whether a version was found better than what served a site then."""
    if card.verdicts:
        verdict = card.verdicts.get(site_id)
        return verdict is not None and verdict.decision == "promoted"
    return card.decision == "promoted" and any(fitted.site.site_id == site_id for fitted in card.sites)
