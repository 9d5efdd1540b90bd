"""What functions take: sample events fit the models, and a step gives what the next one takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forecasting import payloads as forecast_payloads
from ona.documents.base import S3Pointer
from ooda import payloads
from ooda.reconcile.report import ReconcileRequest
from tests.builders.deployed import RESOURCES, WORKFLOWS, functions
from tests.paths import ROOT

SAMPLES = {
    "forecasting/data_ingestion.json": forecast_payloads.IngestRequest,
    "forecasting/weather_cache.json": forecast_payloads.WeatherRequest,
    "forecasting/interpolation_service.json": forecast_payloads.FillRequest,
    "forecasting/global_training_service.json": forecast_payloads.PrepareRequest,
    "ooda/detect.json": payloads.DetectRequest,
    "ooda/diagnose.json": payloads.DiagnoseRequest,
    "ooda/schedule.json": payloads.ScheduleRequest,
    "ooda/order.json": payloads.OrderRequest,
    "ooda/reconcile.json": ReconcileRequest,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_events_are_what_the_functions_take(name: str) -> None:
    SAMPLES[name].read(json.loads((ROOT / "events" / name).read_text()))


def test_the_sample_of_a_sites_day_is_what_the_loop_takes() -> None:
    """`samples/site_day.json`: the event, and what JudgeSite makes of it."""
    event = json.loads((ROOT / "samples/site_day.json").read_text())
    rule = RESOURCES["OodaStateMachine"]["Properties"]["Events"]["SiteDayDue"]["Properties"]
    for name in ("source", "detail-type"):
        assert [event[name]] == rule["Pattern"][name]
    detail = payloads.SiteDue.read(event["detail"], "site_day.json")
    assert set(event["detail"]) == set(payloads.SiteDue.model_fields)
    source = {"bucket": "bucket-in", "key": f"site-days/{detail.site_id}", "version_id": ""}
    payload = {"site_day": event["detail"], "source": source, "execution_id": "e"}
    payloads.SiteDayRequest.read(payload, "JudgeSite")


def test_every_function_and_workflow_has_a_sample_event() -> None:
    handlers = {p["Handler"].split(".")[1] for p in functions().values()}
    machines = {path.name.split(".")[0] for path in WORKFLOWS}
    assert {path.stem for path in (ROOT / "events").glob("*/*.json")} == handlers | machines


@pytest.mark.parametrize(
    ("result", "field", "request_type", "into"),
    [
        (payloads.DetectResult, "detection", payloads.DiagnoseRequest, "detection"),
        (payloads.SiteDayResult, "detection", payloads.DiagnoseRequest, "detection"),
        (payloads.DiagnoseResult, "diagnostics", payloads.ScheduleRequest, "diagnostics"),
        (payloads.ScheduleResult, "jobs", payloads.OrderRequest, "job"),
        (forecast_payloads.IngestResult, "sites", forecast_payloads.WeatherRequest, "upload"),
        (forecast_payloads.IngestResult, "sites", forecast_payloads.FillRequest, "upload"),
        (forecast_payloads.IngestResult, "kind", forecast_payloads.FillRequest, "kind"),
        (forecast_payloads.FillResult, "training", forecast_payloads.PrepareRequest, "source"),
        (forecast_payloads.PrepareResult, "folds", forecast_payloads.FoldRequest, "fold"),
    ],
)
def test_what_a_step_returns_is_what_the_next_one_takes(
    result: Any, field: str, request_type: Any, into: str
) -> None:
    given = result.model_fields[field].annotation
    taken = request_type.model_fields[into].annotation
    assert given in (taken, list[taken], list[taken] | S3Pointer, tuple[taken, ...], taken | None)
