"""What training reads and writes: uploads' hourly tables, a version's dataset, windows and card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

import pandas as pd

from forecasting.documents import DatasetCard, ModelCard, SiteDocument
from forecasting.global_training_service import dataset, evaluate, tables
from forecasting.layout import (
    DATASET,
    DATASET_CARD,
    DATASET_OF_OTHERS,
    FOLD,
    MODEL_CARD,
    MODEL_CURRENT,
    MODEL_DIGEST,
    SITE,
    TRAINING_HOURLY,
)
from forecasting.model import registry
from forecasting.model.booster import TARGET
from ona.documents.base import S3Pointer
from ona.documents.names import RESERVED_CUSTOMERS
from ona.runtime.errors import ObjectMissing
from ona.runtime.identity import digest
from ona.store import parquet, s3
from ona.store.unreadable import Unreadable, attempted, note, readable


@dataclass(frozen=True)
class Uploads:
    """All hourly training tables of a customer, as entries of a listing, and a digest of their contents."""

    bucket: str
    customer_id: str
    entries: list[s3.Entry]

    @property
    def digest(self) -> str:
        """The same for the same uploads with the same contents."""
        return digest(*(f"{entry['Key']} {entry['ETag']}" for entry in self.entries), length=32)


@dataclass(frozen=True)
class Dataset:
    """What a version is trained on: its card, frames by site, rows of other customers' sites or None."""

    card: DatasetCard
    frames: dict[str, pd.DataFrame]
    others: pd.DataFrame | None


def uploads_of(bucket: str, customer_id: str) -> Uploads:
    """A customer's uploads so far. Raises DependencyBusy."""
    listed = s3.list_keys(bucket, TRAINING_HOURLY.prefix(customer_id=customer_id))
    return Uploads(bucket, customer_id, [entry for entry in listed if TRAINING_HOURLY.parse(entry["Key"])])


def tables_of(
    uploads: Uploads, bucket: str, now: datetime, bad: list[Unreadable]
) -> list[tuple[SiteDocument, list[pd.DataFrame]]]:
    """Each site's document (output bucket) and its tables, the oldest upload first, by site id.

    What cannot be read or used is put into `bad`; a site of which nothing is left is left out. `now`: when
    the training began.
    """
    by_site: dict[str, list[str]] = {}
    for entry in sorted(uploads.entries, key=lambda entry: entry["LastModified"]):
        fields = TRAINING_HOURLY.parse(entry["Key"]) or {}
        by_site.setdefault(fields["site_id"], []).append(entry["Key"])
    sites = []
    for site_id, keys in sorted(by_site.items()):
        key = SITE.build(customer_id=uploads.customer_id, site_id=site_id)
        documents = readable([(f"s3://{bucket}/{key}", key)], partial(_site, bucket), bad)
        named = [(f"s3://{uploads.bucket}/{key}", key) for key in keys]
        usable = readable(named, lambda name: tables.read(uploads.bucket, name, now), bad)
        if documents and usable:
            sites.append((documents[0], usable))
    return sites


def _site(bucket: str, key: str) -> SiteDocument:
    site: SiteDocument = SiteDocument.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
    return site


def trained_by_another(bucket: str, uploads: Uploads, execution_id: str) -> bool:
    """Whether another execution has judged a model of these very uploads; not where its note is damaged."""
    key = MODEL_DIGEST.build(customer_id=uploads.customer_id, digest=uploads.digest)

    def read() -> bool:
        try:
            record = s3.read_json(S3Pointer(bucket=bucket, key=key))
        except ObjectMissing:
            return False
        return bool(record["execution_id"] != execution_id)

    answer, damage = attempted(read)
    if damage:
        note(f"s3://{bucket}/{key}", damage)
    return bool(answer)


def save_trained(bucket: str, card: DatasetCard) -> None:
    """Note that a model of these uploads has been judged."""
    key = MODEL_DIGEST.build(customer_id=card.customer_id, digest=card.digest)
    s3.write_json(bucket, key, {"version": card.version, "execution_id": card.execution_id})


def rows_of_others(bucket: str, customer_id: str, rows: int) -> pd.DataFrame | None:
    """So many daylight rows of other customers' sites, evenly; None when there are none."""
    pointers = (MODEL_CURRENT.parse(entry["Key"]) for entry in s3.list_keys(bucket, MODEL_CURRENT.prefix()))
    names = [fields["customer_id"] for fields in pointers if fields]
    names = [name for name in names if name != customer_id and name not in RESERVED_CUSTOMERS]
    parts = []
    for name in names:
        useful = readable([(f"the dataset of {name}", name)], partial(_of_another, bucket))
        parts += [
            dataset.sample(table, max(1, rows // len(names)), seed=1) for table in useful if len(table)
        ]
    return pd.concat(parts, ignore_index=True) if parts and rows else None


def _of_another(bucket: str, customer_id: str) -> pd.DataFrame:
    """The daylight rows of a customer's newest dataset in service; none where no model is in service."""
    current = registry.pointer(bucket, customer_id).current
    if current is None or not current.version:
        return pd.DataFrame()
    table = _dataset(bucket, DATASET.build(customer_id=customer_id, version=current.version))
    return table[table["daylight"] & table[TARGET].notna()]


def save_dataset(bucket: str, data: Dataset) -> None:
    """A version's dataset; its card last, so that a card never stands without the data."""
    names = {"customer_id": data.card.customer_id, "version": data.card.version}
    registry.write_file(bucket, DATASET.build(**names), parquet.dump(dataset.stacked(data.frames)))
    if data.others is not None:
        registry.write_file(bucket, DATASET_OF_OTHERS.build(**names), parquet.dump(data.others))
    s3.write_json(bucket, DATASET_CARD.build(**names), data.card.document())


def load_dataset(bucket: str, customer_id: str, version: str) -> Dataset:
    """A version's dataset. Raises ObjectMissing, InvalidInput, which names the object."""
    names = {"customer_id": customer_id, "version": version}
    card = load_dataset_card(bucket, customer_id, version)
    frames = dataset.unstacked(_dataset(bucket, DATASET.build(**names)))
    others = _dataset(bucket, DATASET_OF_OTHERS.build(**names)) if card.rows_of_others else None
    return Dataset(card, frames, others)


def load_dataset_card(bucket: str, customer_id: str, version: str) -> DatasetCard:
    """The card of a version's dataset. Raises ObjectMissing."""
    key = DATASET_CARD.build(customer_id=customer_id, version=version)
    card: DatasetCard = DatasetCard.read(s3.read_json(S3Pointer(bucket=bucket, key=key)), key)
    return card


def hours_trained(bucket: str, customer_id: str, version: str) -> pd.DataFrame:
    """The hours that a version was trained on: `site_id` and `timestamp`. Raises InvalidInput."""
    table = _dataset(bucket, DATASET.build(customer_id=customer_id, version=version))
    return table.loc[table["daylight"] & table[TARGET].notna(), ["site_id", "timestamp"]]


def save_fold(bucket: str, customer_id: str, version: str, fold: int, table: pd.DataFrame) -> None:
    """Out-of-sample quantiles of one rolling-origin window."""
    key = FOLD.build(customer_id=customer_id, version=version, fold=fold)
    registry.write_file(bucket, key, parquet.dump(table))


def load_folds(bucket: str, card: DatasetCard) -> list[pd.DataFrame]:
    """A version's windows that have rows, in order. Raises ObjectMissing, InvalidPayload."""
    keys = (
        FOLD.build(customer_id=card.customer_id, version=card.version, fold=number)
        for number in range(len(card.folds))
    )
    folds = (parquet.read(S3Pointer(bucket=bucket, key=key), evaluate.COLUMNS) for key in keys)
    return [table for table in folds if len(table)]


def save_card(bucket: str, card: ModelCard) -> None:
    """A version's card."""
    key = MODEL_CARD.build(customer_id=card.customer_id, version=card.version)
    s3.write_json(bucket, key, card.document())


def _dataset(bucket: str, key: str) -> pd.DataFrame:
    """A stored dataset. Raises InvalidPayload, which names the object; ObjectMissing."""
    table = parquet.read(S3Pointer(bucket=bucket, key=key), ["site_id", "timestamp", "daylight", TARGET])
    return table.assign(daylight=table["daylight"].astype(bool))
