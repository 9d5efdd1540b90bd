"""A site whose files come one a machine: the loop's functions on a clock of the test, the bus as a list."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

import ooda.detect.handler as detecting
import ooda.diagnose.handler as diagnosing
import ooda.operations_api.handler as operations
import ooda.order.handler as ordering
import ooda.schedule.handler as scheduling
from ona.documents.assets import Asset, AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime import events
from ona.runtime.events import Event
from ona.runtime.identity import digest, file_id
from ona.store import tables
from ona.store.layout import ASSET_HISTORY
from ona.store.s3 import read_json, write_bytes, write_json
from ooda import site_days
from ooda.documents.asset_history import AssetHistory
from ooda.documents.site_days import SiteDay, SiteRecord
from ooda.layout import SITE_RECORD
from tests.builders.orders import Context
from tests.builders.telemetry import to_csv
from tests.fakes.snapshots import Snapshot
from tests.fakes.tables import IN, OUT, create_table

_CAME: dict[tuple[Any, ...], tuple[Snapshot, list[Event], list[dict[str, Any]]]] = {}
"""By what came to a site that stood as all others begin: what it held then, its bus and its orders."""


class SiteWorld:
    """`now` is the clock of all functions; `bus` what was published; `orders` what Order answered.
    `begins`: which beginning it stands at, "" for one of its own, or where something came or went since."""

    begins = ""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, assets: Iterable[Asset], now: datetime) -> None:
        self.now, self.bus, self.orders = now, list[Event](), list[dict[str, Any]]()
        self.assets = {asset.id: asset for asset in assets}
        create_table("weather-cache", "location_timestamp")
        monkeypatch.setenv("WEATHER_CACHE_TABLE", "weather-cache")
        for module in (detecting, diagnosing, scheduling, ordering, operations):
            monkeypatch.setattr(module, "utc_now", lambda: self.now)
        for module in (events, site_days, ordering.site_days):
            monkeypatch.setattr(module, "publish", self.bus.extend)
        self.register()

    def register(self, *more: Asset) -> None:
        """Write the registry, with these assets too."""
        self.begins = ""
        self.assets |= {asset.id: asset for asset in more}
        registry = AssetRegistry(assets=list(self.assets.values()))
        write_json(IN, "assets.json", registry.model_dump(mode="json", exclude_none=True))

    def put(self, frame: pd.DataFrame, key: str = "", *, order: bool = True) -> dict[str, Any]:
        """A file comes: what Detect answers. What it finds is ordered, as the workflow does it."""
        names = sorted(set(frame["asset_id"]))
        day = frame["timestamp"].iloc[-1]
        key = key or f"observations/{day:%Y/%m/%d}/{names[0]}_{day:%Y%m%d}.csv"
        return self.put_bytes(to_csv(frame), key, order=order)

    def put_each(self, frame: Callable[[str], pd.DataFrame], names: list[str]) -> None:
        """A file of each machine comes, in turn. What the same files make of the same beginning is made
        once: four files are two seconds, and most tests begin with them."""
        came = self.begins, frame, *names
        if self.begins and came in _CAME:
            snapshot, bus, orders = _CAME[came]
            snapshot.put_back()
            self.bus += deepcopy(bus)
            self.orders += deepcopy(orders)
            self.begins = ""
            return
        for name in names:
            self.put(frame(name))
        if came[0]:
            _CAME[came] = Snapshot.taken(), deepcopy(self.bus), deepcopy(self.orders)

    def put_bytes(self, body: bytes, key: str, *, order: bool = True) -> dict[str, Any]:
        """A file comes, whatever it is."""
        self.begins = ""
        written = write_bytes(IN, key, body, "text/csv")
        version = written.version_id or digest(key, body.decode())
        source = {"bucket": IN, "key": key, "version_id": written.version_id}
        event = {"source": source, "file_id": file_id(IN, key, version), "execution_id": f"file-{version}"}
        result: dict[str, Any] = detecting.lambda_handler(event, Context())
        if order and result["status"] == "found":
            self.go_on(result, event["execution_id"])
            if result["sites"]:
                site_days.ask(result["sites"], self.now)
        return result

    def go_on(self, detection: dict[str, Any], execution: str) -> None:
        """Diagnose, Schedule and Order, as the workflow has them."""
        found = diagnosing.lambda_handler({"detection": detection["detection"]}, Context())
        wanted = {"diagnostics": found["diagnostics"], "execution_id": execution}
        for job in scheduling.lambda_handler(wanted, Context())["jobs"]:
            self.orders.append(ordering.lambda_handler({"job": job, "execution_id": execution}, Context()))

    def asked(self) -> list[str]:
        """The sites that were asked for and are not run yet, in order."""
        return [one.detail["site_id"] for one in self.bus if one.detail_type == site_days.DUE]

    def run(self, site_id: str = "site", execution: str = "site-1") -> dict[str, Any]:
        """One execution of the site layer, as the workflow has it; what the first step answers."""
        self.begins = ""
        due = {"version": "1", "id": "x", "time": self.now.isoformat(), "site_id": site_id}
        source = {"bucket": IN, "key": f"site-days/{site_id}"}
        event = {"site_day": due, "source": source, "execution_id": execution}
        result: dict[str, Any] = detecting.lambda_handler(event, Context())
        assert len(json.dumps(result)) < 100_000, "far below the 256 KiB of a payload"
        if result["site_id"]:
            ordering.lambda_handler({"superseding": result, "execution_id": execution}, Context())
        if result["status"] == "found":
            self.go_on(result, execution)
        return result

    def later(self, **delta: float) -> None:
        """Time passes."""
        self.begins = ""
        self.now += timedelta(**delta)

    def sweep(self) -> int:
        """The timer; how many sites it asked for."""
        return int(operations.lambda_handler({"task": "site_days"}, Context())["asked"])

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The details of the events of a kind."""
        return [event.detail for event in self.bus if event.detail_type == kind]

    def history(self, asset_id: str) -> AssetHistory:
        """An asset's history."""
        site_id = self.assets[asset_id].site_id
        key = ASSET_HISTORY.build(site_id=site_id, asset_id=asset_id)
        history: AssetHistory = AssetHistory.read(read_json(S3Pointer(bucket=OUT, key=key)))
        return history

    def record(self, site_id: str = "site") -> SiteRecord:
        """A site's record."""
        key = SITE_RECORD.build(site_id=site_id)
        record: SiteRecord = SiteRecord.read(read_json(S3Pointer(bucket=OUT, key=key)))
        return record

    def document(self, result: dict[str, Any]) -> SiteDay:
        """The document of a run."""
        document: SiteDay = SiteDay.read(read_json(S3Pointer.read(result["site_day"])))
        return document

    def notices(self) -> list[dict[str, Any]]:
        """What people are told of judged site-days."""
        return [item for item in tables.scan("outbox") if item["delivery_id"].startswith("judged#")]

    def statuses(self) -> dict[str, str]:
        """How each order stands, by asset."""
        items = [item for item in tables.scan("tracking") if item["job_id"].startswith("wo-")]
        return {item["asset_id"]: item["status"] for item in items}

    def pending(self, site_id: str = "site") -> site_days.PendingSite | None:
        """What is to be done for a site."""
        return site_days.TABLE.get(f"site-days#{site_id}")
