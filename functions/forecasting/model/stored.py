"""A version's objects: its card, its manifest, its booster; and the whole versions that a process holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from forecasting.documents import ModelCard
from forecasting.layout import MODEL_BOOSTER, MODEL_CARD, MODEL_MANIFEST, MODEL_VERSION
from forecasting.model import measured_days
from forecasting.model.forecaster import Forecaster
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidConfiguration
from ona.store import s3
from ona.store.held import Held


def read_card(bucket: str, customer_id: str, version: str) -> ModelCard:
    """A version's card. Raises ObjectMissing, InvalidInput."""
    key = MODEL_CARD.build(customer_id=customer_id, version=version)
    card: ModelCard = ModelCard.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
    if (card.customer_id, card.version) != (customer_id, version):
        raise InvalidConfiguration(f"s3://{bucket}/{key} is the card of another model")
    return card


def read_model(bucket: str, customer_id: str, version: str) -> Forecaster:
    """A version's model, read and tried. Raises ObjectMissing, InvalidConfiguration, which names it."""
    names = {"customer_id": customer_id, "version": version}
    pointers = [S3Pointer(bucket=bucket, key=s.build(**names)) for s in (MODEL_MANIFEST, MODEL_BOOSTER)]
    with ThreadPoolExecutor(len(pointers)) as pool:
        manifest, booster = pool.map(s3.read_bytes, pointers)
    try:
        model = Forecaster.from_files({"model.json": manifest, "booster.ubj": booster})
        model.check()
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


def versions(bucket: str, customer_id: str) -> list[str]:
    """A customer's versions that have a card, the newest first."""
    entries = s3.list_keys(bucket, MODEL_CARD.prefix(customer_id=customer_id))
    found = [MODEL_CARD.parse(entry["Key"]) for entry in entries]
    return sorted({fields["version"] for fields in found if fields}, reverse=True)


@dataclass(frozen=True)
class Loaded:
    """A version in memory."""

    card: ModelCard
    model: Forecaster


_loaded: Held[Loaded] = Held(most=16)
"""The whole versions that a process holds: 16. Ours."""


def load(bucket: str, customer_id: str, version: str) -> Loaded:
    """A version, from memory while its objects are those that were read; only a whole one is kept there.

    One listing tells the ETags of all its objects: a repaired object is seen at the next request, and so is
    a damaged one. Raises InvalidInput and what else an object raises that is none (`attempted`).
    """
    prefix = MODEL_VERSION.prefix(customer_id=customer_id, version=version)
    stamp = tuple((entry["Key"], entry["ETag"]) for entry in s3.list_keys(bucket, prefix))

    def whole() -> Loaded:
        with ThreadPoolExecutor(1) as beside:
            model = beside.submit(read_model, bucket, customer_id, version)
            card = read_card(bucket, customer_id, version)
            measured_days.check(card)
            return Loaded(card, model.result())

    return _loaded.get((bucket, customer_id, version), stamp, whole)
