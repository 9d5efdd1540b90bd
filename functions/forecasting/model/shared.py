"""The model that sites of customers without a model share: only one that is proven at sites it never saw.

`models/global/current.json` names a version and its proof: models of the same kind, each trained without
one of the sites, forecast that site better than physics does. A pointer without a proof (those of before
had none) serves nobody: on sites of another latitude, trees that had never seen them lost to physics.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from forecasting.layout import MODEL_CURRENT
from ona.documents.base import Document, S3Pointer
from ona.runtime.errors import ObjectMissing
from ona.runtime.words import counted
from ona.store import s3
from ona.store.unreadable import attempted, note

GLOBAL = "global"
"""Stands where a customer's id would, in the key of the pointer that all customers share."""
KEY = MODEL_CURRENT.build(customer_id=GLOBAL)


class Proof(Document):
    """Forecasts of sites that were left out of the training, against physics: mean absolute errors, % of
    capacity, over all those sites and days."""

    sites: int = Field(ge=1)
    days: int = Field(ge=1)
    model_mae_percent: float = Field(ge=0)
    physics_mae_percent: float = Field(ge=0)

    @property
    def is_won(self) -> bool:
        """Whether the model was better."""
        return self.model_mae_percent < self.physics_mae_percent


class GlobalCurrent(Document):
    """`models/global/current.json`."""

    customer_id: str
    version: str
    changed_at: datetime
    proof: Proof | None = None

    @property
    def in_words(self) -> str:
        """The proof, in a sentence for a customer."""
        if self.proof is None:
            return ""
        return (
            f"At {counted(self.proof.sites, 'site')} that it had not seen its mean absolute error was "
            f"{self.proof.model_mae_percent:.2f} % of capacity, that of physics "
            f"{self.proof.physics_mae_percent:.2f} %"
        )


def proven(bucket: str) -> GlobalCurrent | None:
    """The version that serves sites without a model; None where none is proven. A pointer that cannot be
    read counts as none: the log and a metric name it."""

    def read() -> GlobalCurrent | None:
        try:
            document = s3.read_json(S3Pointer(bucket=bucket, key=KEY))
        except ObjectMissing:
            return None
        found: GlobalCurrent = GlobalCurrent.read(document, KEY)
        return found

    found, damage = attempted(read)
    if damage:
        note(f"s3://{bucket}/{KEY}", damage)
    return found if found is not None and found.proof is not None and found.proof.is_won else None


def share(bucket: str, customer_id: str, version: str, proof: Proof, now: datetime) -> None:
    """Let sites of customers without a model use this version."""
    moved = GlobalCurrent(customer_id=customer_id, version=version, changed_at=now, proof=proof)
    s3.write_json(bucket, KEY, moved.document())
