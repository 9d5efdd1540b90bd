"""Where models lie, and which one is in service.

Output bucket: `models/<customer>/<version>/…` never changes once written; `models/<customer>/current.json`
is the pointer, replaced only by conditional writes, so that a rollback is one write and two trainings at
once cannot both win. `models/global/current.json` points to the version that serves sites of
customers without a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from forecasting.documents import Current, Fitted, ModelCard
from forecasting.model.booster import Model
from forecasting.model.calibration import UNCALIBRATED, Calibration, Tail
from ona.documents.base import Document, S3Pointer
from ona.runtime.errors import ObjectMissing
from ona.store import s3

GLOBAL = "global"


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
    model: Model
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


def folder(customer_id: str, version: str) -> str:
    """Where a version's files lie."""
    return f"models/{customer_id}/{version}"


def current(bucket: str, customer_id: str) -> tuple[Current | None, str]:
    """The pointer of a customer and its ETag (for `promote`); (None, "") when there is no model yet."""
    try:
        document, etag = s3.read_json_tagged(S3Pointer(bucket=bucket, key=_pointer(customer_id)))
    except ObjectMissing:
        return None, ""
    return Current.read(document, _pointer(customer_id)), etag


def _pointer(customer_id: str) -> str:
    return f"models/{customer_id}/current.json"


def promote(bucket: str, customer_id: str, pointer: Current, etag: str) -> bool:
    """Point to another version; False when somebody else moved the pointer meanwhile."""
    return s3.write_json_if(bucket, _pointer(customer_id), pointer.document(), etag)


def share_globally(bucket: str, customer_id: str, version: str, now: datetime) -> None:
    """Let sites of customers without a model use this version."""
    pointer = GlobalCurrent(customer_id=customer_id, version=version, changed_at=now)
    s3.write_json(bucket, _pointer(GLOBAL), pointer.document())


def shared(bucket: str) -> GlobalCurrent | None:
    """The version that serves sites without a model, or None."""
    try:
        document = s3.read_json(S3Pointer(bucket=bucket, key=_pointer(GLOBAL)))
    except ObjectMissing:
        return None
    found: GlobalCurrent = GlobalCurrent.read(document, _pointer(GLOBAL))
    return found


def read_card(bucket: str, customer_id: str, version: str) -> ModelCard:
    """A version's card. Raises ObjectMissing."""
    key = f"{folder(customer_id, version)}/card.json"
    found: ModelCard = ModelCard.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
    return found


def read_model(bucket: str, customer_id: str, version: str) -> Model:
    """A version's model. Raises ObjectMissing."""
    base = folder(customer_id, version)
    names = ("model.json", "booster.ubj")
    return Model.from_files(
        {name: s3.read_bytes(S3Pointer(bucket=bucket, key=f"{base}/{name}")) for name in names}
    )


_held: dict[tuple[str, str, str, str], InService] = {}
_HOLD = 32


def in_service(bucket: str, customer_id: str, site_id: str) -> tuple[InService | None, list[str]]:
    """What forecasts a site, and what is degraded about it: its customer's model, else the global one.

    Versions never change, so a loaded one is kept by the process.
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
    if key not in _held:
        while len(_held) >= _HOLD:
            del _held[next(iter(_held))]
        card = read_card(bucket, customer_id, version)
        own = next((f for f in card.sites if f.site.site_id == site_id), None)
        _held[key] = InService(version, card, read_model(bucket, customer_id, version), own)
    return _held[key]


def write_files(bucket: str, customer_id: str, version: str, files: dict[str, bytes]) -> None:
    """Files of a version; written again they are the same."""
    for name, body in files.items():
        kind = "application/json" if name.endswith(".json") else "application/octet-stream"
        s3.write_bytes(bucket, f"{folder(customer_id, version)}/{name}", body, kind)


def write_record(bucket: str, customer_id: str, version: str, name: str, record: Any) -> S3Pointer:
    """A document of a version."""
    return s3.write_json(bucket, f"{folder(customer_id, version)}/{name}", record.document())
