"""Where models lie, and which one is in service.

Output bucket: `models/<customer>/<version>/…` never changes once written; `models/<customer>/current.json`
is the pointer, replaced only by conditional writes, so that a rollback is one write and two trainings at
once cannot both win. `models/global/current.json` points to the version that serves sites of
customers without a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from forecasting.documents import Current, Fitted, ModelCard
from forecasting.layout import MODEL_BOOSTER, MODEL_CARD, MODEL_CURRENT, MODEL_MANIFEST
from forecasting.model.calibration import UNCALIBRATED, Calibration, Tail
from forecasting.model.forecaster import Forecaster
from ona.documents.base import Document, S3Pointer
from ona.runtime.errors import InvalidConfiguration, ObjectMissing
from ona.store import s3

GLOBAL = "global"
"""Stands where a customer's id would, in the key of the pointer that all customers share."""
_GLOBAL_POINTER = MODEL_CURRENT.build(customer_id=GLOBAL)


class GlobalCurrent(Document):
    """`models/global/current.json`."""

    customer_id: str
    version: str
    changed_at: datetime


@dataclass(frozen=True)
class InService:
    """A model ready to forecast one site."""

    version: str
    card: ModelCard
    model: Forecaster
    own_site: Fitted | None

    @property
    def calibration(self) -> Calibration:
        """Its factors by interval."""
        return tails(self.card.calibration)


def stored_form(factors: Calibration) -> dict[str, dict[str, float]]:
    """Calibration factors in their JSON form."""
    return {str(level): {"lower": tail.lower, "upper": tail.upper} for level, tail in factors.items()}


def tails(stored: dict[str, dict[str, float]]) -> dict[int, Tail]:
    """Calibration factors from their JSON form."""
    return {int(name): Tail(**values) for name, values in stored.items()} or dict(UNCALIBRATED)


def current(bucket: str, customer_id: str) -> tuple[Current | None, str]:
    """The pointer of a customer and its ETag (for `promote`); (None, "") when there is no model yet."""
    key = MODEL_CURRENT.build(customer_id=customer_id)
    document, etag = s3.read_json_tagged(S3Pointer(bucket=bucket, key=key))
    return Current.read(document, key) if etag else None, etag


def promote(bucket: str, customer_id: str, pointer: Current, etag: str) -> bool:
    """Point to another version; False when somebody else moved the pointer meanwhile."""
    key = MODEL_CURRENT.build(customer_id=customer_id)
    return s3.write_json_if(bucket, key, pointer.document(), etag)


def share_globally(bucket: str, customer_id: str, version: str, now: datetime) -> None:
    """Let sites of customers without a model use this version."""
    pointer = GlobalCurrent(customer_id=customer_id, version=version, changed_at=now)
    s3.write_json(bucket, _GLOBAL_POINTER, pointer.document())


def shared(bucket: str) -> GlobalCurrent | None:
    """The version that serves sites without a model, or None."""
    try:
        document = s3.read_json(S3Pointer(bucket=bucket, key=_GLOBAL_POINTER))
    except ObjectMissing:
        return None
    pointer: GlobalCurrent = GlobalCurrent.read(document, _GLOBAL_POINTER)
    return pointer


def read_card(bucket: str, customer_id: str, version: str) -> ModelCard:
    """A version's card. Raises ObjectMissing."""
    key = MODEL_CARD.build(customer_id=customer_id, version=version)
    card: ModelCard = ModelCard.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
    return card


def read_model(bucket: str, customer_id: str, version: str) -> Forecaster:
    """A version's model, its booster read. Raises ObjectMissing, InvalidConfiguration, which names it."""
    names = {"customer_id": customer_id, "version": version}
    manifest, booster = (
        s3.read_bytes(S3Pointer(bucket=bucket, key=shape.build(**names)))
        for shape in (MODEL_MANIFEST, MODEL_BOOSTER)
    )
    try:
        model = Forecaster.from_files({"model.json": manifest, "booster.ubj": booster})
        model.trees.read()  # here, where its name is known
    except InvalidConfiguration as error:
        folder = MODEL_MANIFEST.build(**names).removesuffix("model.json")
        raise InvalidConfiguration(f"s3://{bucket}/{folder}: {error}") from error
    return model


def write_model(bucket: str, customer_id: str, version: str, model: Forecaster) -> None:
    """A version's model; written again it is the same."""
    names, files = {"customer_id": customer_id, "version": version}, model.files()
    manifest = MODEL_MANIFEST.build(**names)
    s3.write_bytes(bucket, manifest, files["model.json"], "application/json")
    write_file(bucket, MODEL_BOOSTER.build(**names), files["booster.ubj"])


def write_file(bucket: str, key: str, body: bytes) -> None:
    """One file of a version that is no JSON."""
    s3.write_bytes(bucket, key, body, "application/octet-stream")


_loaded: dict[tuple[str, str, str, str], InService] = {}
_MOST_LOADED = 32
"""Models that a process keeps in memory; the oldest is dropped first. Ours."""


def in_service(bucket: str, customer_id: str, site_id: str) -> tuple[InService | None, list[str]]:
    """What forecasts a site, and what is degraded about it: its customer's model, else the global one.

    Versions never change, so the process keeps a loaded one in memory.
    """
    pointer, _ = current(bucket, customer_id)
    if pointer is not None:
        return _load(bucket, customer_id, pointer.version, site_id), []
    everybody = shared(bucket)
    if everybody is None:
        return None, ["no_model"]
    return _load(bucket, everybody.customer_id, everybody.version, ""), ["global_model"]


def _load(bucket: str, customer_id: str, version: str, site_id: str) -> InService:
    key = (bucket, customer_id, version, site_id)
    if key not in _loaded:
        while len(_loaded) >= _MOST_LOADED:
            del _loaded[next(iter(_loaded))]
        card = read_card(bucket, customer_id, version)
        own = next((f for f in card.sites if f.site.site_id == site_id), None)
        _loaded[key] = InService(version, card, read_model(bucket, customer_id, version), own)
    return _loaded[key]
