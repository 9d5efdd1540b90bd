"""What the families wrote in a window of time, as far as a report reads it.

The documents are the families' own. They hold much more; a report reads a few fields and passes over the
rest, so that a family may add to them. Which day something belongs to stands in the document: a file of
January that came today is of today's work, though its documents lie under January.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from pydantic import ConfigDict

from ona.documents.base import Document, S3Pointer
from ona.documents.findings import EnergyAtRisk
from ona.repairs.tracking import TrackedOrder
from ona.store.forecast_ids import issued_at
from ona.store.layout import ASSET_HISTORY, FORECAST, OUTCOME, SITE
from ona.store.tables import from_item, to_item
from ona.store.unreadable import Unreadable, attempted, note, readable
from operations.reading.finding import Client
from operations.reading.window import Window

MOST_READS = 16
"""Objects that are read at once (ours)."""
ORDER = "wo-"
"""How ids of orders begin; the table holds locks, lines of histories and experience too."""
SITE_DAYS = "site-days/"
"""How keys begin that are of no file, but of a site's day judged as a whole (`ooda.layout`)."""
FAILED = ("FAILED", "TIMED_OUT", "ABORTED")
"""Ends of an execution that brought nothing."""
REFUSED = "quarantined"
"""The outcome of a file that was not accepted."""


class _Read(Document):
    """Base of what is read of a document that others wrote."""

    model_config = ConfigDict(extra="ignore")


class Outcome(_Read):
    """What came of one file, or of one site's day; the workflows write it. `at`: when."""

    outcome: str
    at: datetime
    source: S3Pointer
    detection: S3Pointer | None = None
    diagnostics: list[S3Pointer] | S3Pointer = []
    dismissed_at: str = ""
    not_judged: str = ""
    """Assets of the file that nothing could be compared with, and why, in words."""


class SeenIncident(_Read):
    """An incident, as a detection record has it."""

    incident_id: str
    asset_id: str
    kind: str
    state: str
    suspected: bool = False


class SeenAsset(_Read):
    """A machine of a file."""

    asset_id: str
    site_id: str
    incidents: list[SeenIncident] = []


class Detection(_Read):
    """A detection record: incidents by asset."""

    generated_at: datetime
    assets: list[SeenAsset] = []


class Cause(_Read):
    """A fault with its cause, and what it costs. `incident_ids`: the one that it is about first."""

    finding_key: str
    energy_at_risk: EnergyAtRisk
    incident_ids: list[str] = []


class Diagnosis(_Read):
    """A diagnostic: causes, with what they cost."""

    analysis_timestamp: datetime
    findings: list[Cause] = []


class _Withdrawn(_Read):
    incident_id: str


class _History(_Read):
    """Of a machine's history: the incidents that do not stand any more."""

    superseded: list[_Withdrawn] = []


class Gone(LookupError):
    """An object that is not there."""


DocumentT = TypeVar("DocumentT", bound=Document)


class Records:
    """Reads what lies in the output bucket and in the table of orders. What cannot be read is in `bad`."""

    def __init__(self, client: Client, bucket: str, orders: str) -> None:
        self.client, self.bucket, self.table = client, bucket, orders
        self.bad: list[Unreadable] = []
        self._s3 = client("s3")

    def outcomes(self, window: Window) -> list[Outcome]:
        """The outcomes that were written in a window. Every outcome that is kept is listed for it."""
        keys = [
            key
            for key, written in self._listed(OUTCOME.prefix())
            if written >= window.start and OUTCOME.parse(key)
        ]
        found = self._read_all([S3Pointer(bucket=self.bucket, key=key) for key in keys], Outcome)
        return [outcome for outcome in found if window.holds(outcome.at)]

    def detections(self, outcomes: Iterable[Outcome]) -> list[Detection]:
        """The detection records of outcomes, each once."""
        pointers = [one.detection for one in outcomes if one.detection]
        return self._read_all([one for one in pointers if not one.key.startswith(SITE_DAYS)], Detection)

    def superseded(self, detections: Iterable[Detection]) -> set[str]:
        """The incidents of the records' machines that the site layer withdrew, or merged into others."""
        machines = {(one.site_id, one.asset_id) for of in detections for one in of.assets if one.incidents}
        pointers = [
            S3Pointer(bucket=self.bucket, key=ASSET_HISTORY.build(site_id=site, asset_id=asset))
            for site, asset in sorted(machines)
        ]
        histories = self._read_all(pointers, _History)
        return {one.incident_id for history in histories for one in history.superseded}

    def diagnoses(self, outcomes: Iterable[Outcome]) -> list[Diagnosis]:
        """The diagnostics of outcomes, each once. A long list of them is an object of its own."""
        pointers: list[S3Pointer] = []
        for outcome in outcomes:
            given = outcome.diagnostics
            pointers += self._list_of(given) if isinstance(given, S3Pointer) else given
        return self._read_all(pointers, Diagnosis)

    def forecasts(self, window: Window) -> list[str]:
        """The ids of the forecasts that were issued in a window."""
        found = []
        for day in window.utc_days():
            for key, _ in self._listed(FORECAST.prefix(day=day)):
                fields = FORECAST.parse(key)
                issued, _why = attempted(partial(issued_at, fields["forecast_id"] if fields else ""))
                if fields and window.holds(issued):
                    found.append(str(fields["forecast_id"]))
        return found

    def sites(self) -> list[tuple[str, str]]:
        """Customer and site of each site that is forecast."""
        parsed = (SITE.parse(key) for key, _ in self._listed(SITE.prefix()))
        return sorted((one["customer_id"], one["site_id"]) for one in parsed if one)

    def orders(self) -> list[TrackedOrder]:
        """Every work order as it stands; the whole table is read."""
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.table,
                ConsistentRead=True,
                FilterExpression="begins_with(#key, :order)",
                ExpressionAttributeNames={"#key": "job_id"},
                ExpressionAttributeValues=to_item({":order": ORDER}),
            )
        )
        items = (from_item(item) for page in pages for item in page["Items"])
        named = ((f"table {self.table}, {item.get('job_id')}", item) for item in items)
        return readable(named, TrackedOrder.read, self.bad)

    def document(self, key: str, model: type[DocumentT]) -> DocumentT | None:
        """A document that need not be there; one that cannot be read is put aside."""

        def read() -> DocumentT | None:
            try:
                return model.read(self._json(S3Pointer(bucket=self.bucket, key=key)), key)
            except Gone:
                return None

        found, why = attempted(read)
        if why:
            note(f"s3://{self.bucket}/{key}", why, self.bad)
        return found

    # ------------------------------------------------------------------ how

    def _listed(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", []):
                yield item["Key"], item["LastModified"]

    def _list_of(self, pointer: S3Pointer) -> list[S3Pointer]:
        def read() -> list[S3Pointer]:
            return [S3Pointer.read(entry, pointer.key) for entry in self._json(pointer)]

        found, why = attempted(read)
        if found is None:
            note(f"s3://{pointer.bucket}/{pointer.key}", why, self.bad)
        return found or []

    def _read_all(self, pointers: Iterable[S3Pointer], model: type[DocumentT]) -> list[DocumentT]:
        once = list(dict.fromkeys((one.bucket, one.key, one.version_id) for one in pointers))
        named = [S3Pointer(bucket=bucket, key=key, version_id=version) for bucket, key, version in once]

        def read(pointer: S3Pointer) -> tuple[DocumentT | None, str]:
            return attempted(lambda: model.read(self._json(pointer), pointer.key))

        with ThreadPoolExecutor(MOST_READS) as pool:
            answers = list(pool.map(read, named))
        for pointer, (found, why) in zip(named, answers, strict=True):
            if found is None:
                note(f"s3://{pointer.bucket}/{pointer.key}", why, self.bad)
        return [found for found, _ in answers if found is not None]

    def _json(self, pointer: S3Pointer) -> Any:
        version = {"VersionId": pointer.version_id} if pointer.version_id else {}
        try:
            body = self._s3.get_object(Bucket=pointer.bucket, Key=pointer.key, **version)["Body"].read()
        except self._s3.exceptions.NoSuchKey as error:
            raise Gone("it is gone") from error
        return json.loads(body)
