"""`ona models rollback`: each call goes one step further back; a choice by name can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from forecasting.documents import PHYSICS, Current, Fitted, ModelCard, Serving, SiteVerdict
from forecasting.layout import FORECAST_LATEST, MODEL_CARD, MODEL_CURRENT, MODEL_MANIFEST
from ona.store import s3
from ona.store.s3 import write_json
from ops import cli, models
from ops.cli import models as commands
from ops.target import OpsError, Target
from tests.builders.forecasting import site_document
from tests.fakes import on_moto
from tests.fakes.tables import OUT

WHOSE, SITES = "customer-001", ("hill", "lake")
NOW = datetime(2026, 5, 1, tzinfo=UTC)
V1, V2, V3 = "v202601010000-aaaaaaaa", "v202602010000-bbbbbbbb", "v202603010000-cccccccc"
REPLACED = {V1: PHYSICS, V2: V1, V3: V2}


def _card(version: str, *, told_by_site: bool = True) -> ModelCard:
    """A version that was promoted at both sites over the one before it."""
    at = [site_document({"INV-1": 10.0}).model_copy(update={"site_id": name}) for name in SITES]
    verdict = SiteVerdict(
        decision="promoted", reason="", days=9, against=REPLACED[version], candidate=1.0, other=2.0
    )
    return ModelCard(
        customer_id=WHOSE,
        version=version,
        created_at=NOW,
        trained_until=NOW,
        sites=[Fitted(site=site, tilt=25, azimuth=0, plane_explains=None, days=9, rows=9) for site in at],
        training_rows=9,
        training_days=9,
        rows_of_others=0,
        settings={},
        features=[],
        xgboost_version="3",
        own=None,
        compared_with=REPLACED[version],
        compared_days=9,
        candidate_pinball_percent=None,
        other_pinball_percent=None,
        decision="promoted",
        reason="better",
        verdicts=dict.fromkeys(SITES, verdict) if told_by_site else {},
        nowcast_weight=0.5,
        nowcast_tau_hours=3.0,
        limits="",
    )


def _serves(sites: dict[str, Serving]) -> None:
    document = Current(version=V3, changed_at=NOW, reason="better", sites=sites)
    write_json(OUT, MODEL_CURRENT.build(customer_id=WHOSE), document.document())


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Target]:
    """Three versions one after the other at two sites; the newest serves."""
    with on_moto.platform(monkeypatch, tmp_path, [commands]) as one:
        for version in REPLACED:
            names = {"customer_id": WHOSE, "version": version}
            write_json(OUT, MODEL_CARD.build(**names), _card(version).document())
            write_json(OUT, MODEL_MANIFEST.build(**names), {})
        _serves(dict.fromkeys(SITES, Serving(version=V3, since=NOW, why="better", previous=V2)))
        yield one


def _at(target: Target, site: str) -> Serving:
    return next(one.serving for one in models.served(target, WHOSE) if one.site_id == site)


def test_each_rollback_goes_one_step_further_back_and_says_from_where(target: Target) -> None:
    for wanted, left in ((V2, V3), (V1, V2), (PHYSICS, V1)):
        for site in SITES:
            write_json(OUT, FORECAST_LATEST.build(customer_id=WHOSE, site_id=site), {})
        assert models.rollback(target, WHOSE, None, "hill") is not None
        serving = _at(target, "hill")
        assert (serving.version, serving.why) == (wanted, f"rolled back by an operator, from {left}")
        kept = [entry["Key"] for entry in s3.list_keys(OUT, "forecasts/")]
        assert FORECAST_LATEST.build(customer_id=WHOSE, site_id="lake") in kept
        assert FORECAST_LATEST.build(customer_id=WHOSE, site_id="hill") not in kept
    assert _at(target, "lake").version == V3, "the other site stays"
    with pytest.raises(OpsError, match=r"nothing served before physics.*--version"):
        models.rollback(target, WHOSE, None, "hill")


def test_a_version_by_name_is_a_choice_and_the_next_rollback_takes_it_back(target: Target) -> None:
    models.rollback(target, WHOSE, V1, "hill")
    assert _at(target, "hill").why == f"chosen by an operator, in the place of {V3}"
    models.rollback(target, WHOSE, None, "hill")
    assert _at(target, "hill").version == V3
    models.rollback(target, WHOSE, None, "hill")
    assert _at(target, "hill").version == V2, "and from there further back"


@pytest.mark.parametrize("told_by_site", [True, False], ids=["card by site", "card of before"])
def test_a_rollback_of_an_earlier_version_of_the_platform_is_no_way_forward(
    target: Target, told_by_site: bool
) -> None:
    card = _card(V2, told_by_site=told_by_site).document()
    write_json(OUT, MODEL_CARD.build(customer_id=WHOSE, version=V2), card)
    _serves({"hill": Serving(version=V2, since=NOW, why="rolled back by an operator", previous=V3)})
    models.rollback(target, WHOSE, None)
    assert _at(target, "hill").version == V1


def test_the_command_names_what_serves_why_and_what_came_before_it(target: Target) -> None:
    done = CliRunner().invoke(cli.app, ["models", "rollback", WHOSE, "--site", "hill"])
    assert done.exit_code == 0, done.output
    assert f"hill is served by {V2}, rolled back by an operator, from {V3}; before it: {V1}" in done.output
    assert "lake" not in done.output
