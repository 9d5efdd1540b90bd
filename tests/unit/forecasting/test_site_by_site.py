"""A candidate is judged, promoted and rolled back site by site; what nobody trained, physics serves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.config import TrainingRules, forecasting_config
from forecasting.documents import PHYSICS, Current, Serving
from forecasting.global_training_service import (
    candidate,
    decide,
    evaluate,
    judge,
    serving,
    store,
)
from forecasting.global_training_service.handler import run
from forecasting.global_training_service.judge import Incumbent, OutOfSample
from forecasting.layout import MODEL_CURRENT, SITE, TRAINING_HOURLY
from forecasting.model import registry
from forecasting.model.registry import Service
from ona.documents.base import S3Pointer
from ona.store import parquet, s3
from tests.builders.forecasting import site_document
from tests.builders.models import LEVELS
from tests.builders.weather import hours, share_of, weather
from tests.fakes.tables import IN, OUT

CUSTOMER = "customer-001"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
RULES = TrainingRules(
    min_days=14,
    folds=3,
    fold_days=10,
    function_rows=1000,
    container_rows=5000,
    rows_of_others=100,
    min_unseen_days=3,
    min_gain_percent=0.0,
)


def forecasts(site_id: str, offset: float, days: int = 6, start: str = "2025-05-01") -> pd.DataFrame:
    """A site's hours, forecast too high by `offset`; physics errs by 0.1, persistence by 0.2."""
    index = hours(days, start)
    truth = np.clip(np.sin(np.arange(len(index)) / 24 * 2 * np.pi), 0, 1)
    q = np.clip(truth[:, None] + offset + np.linspace(-0.02, 0.02, len(LEVELS)), -1, 2)
    table = pd.DataFrame(q, columns=evaluate.names(LEVELS))
    return table.assign(
        site_id=site_id,
        timestamp=index,
        share=truth,
        reference=truth + 0.2,
        envelope=1.0,
        physics=truth + 0.1,
    )


def judged(mine: list[pd.DataFrame], served: dict[str, pd.DataFrame | None]) -> dict[str, str]:
    """What becomes of a candidate at each site: the decision."""
    return {name: verdict.decision for name, verdict in verdicts(mine, served).items()}


def verdicts(mine: list[pd.DataFrame], served: dict[str, pd.DataFrame | None]) -> dict[str, Any]:
    table = pd.concat(mine, ignore_index=True)
    incumbents = {
        name: Incumbent() if other is None else Incumbent("v1", OutOfSample(other, LEVELS))
        for name, other in served.items()
    }
    return judge.judge(OutOfSample(table, LEVELS), incumbents, RULES)


# ------------------------------------------------------------------ judging


def test_a_candidate_that_is_good_for_b_and_bad_for_a_serves_b_only() -> None:
    mine = [forecasts("a", 0.08), forecasts("b", 0.01)]
    assert judged(mine, {"a": forecasts("a", 0.02), "b": forecasts("b", 0.05)}) == {
        "a": "kept",
        "b": "promoted",
    }


def test_equal_models_stay() -> None:
    assert judged([forecasts("a", 0.03)], {"a": forecasts("a", 0.03)}) == {"a": "kept"}


@pytest.mark.parametrize("served", [None, 0.09], ids=["physics serves", "a model serves"])
def test_a_candidate_with_two_unseen_days_waits_and_with_three_it_is_judged(served: float | None) -> None:
    other = None if served is None else forecasts("b", served)
    found = verdicts([forecasts("b", 0.01, days=2)], {"b": other})["b"]
    assert (found.decision, found.days, found.candidate) == ("kept", 2, None)
    assert "only 2 days" in found.reason
    assert judged([forecasts("b", 0.01, days=3)], {"b": other}) == {"b": "promoted"}


def test_hours_that_only_one_side_has_unseen_are_not_compared() -> None:
    later = forecasts("a", 0.05, start="2025-06-01")
    found = verdicts([forecasts("a", 0.01)], {"a": later})["a"]
    assert (found.decision, found.days) == ("kept", 0)


@pytest.mark.parametrize(
    ("offset", "decision"),
    [(0.05, "promoted"), (0.1, "kept"), (0.15, "kept"), (0.3, "kept")],
    ids=["better than both", "as good as physics", "better than persistence only", "worse than both"],
)
def test_a_site_without_a_model_is_judged_against_physics_and_persistence(
    offset: float, decision: str
) -> None:
    found = verdicts([forecasts("c", offset)], {"c": None})["c"]
    assert found.decision == decision
    assert "physics" in found.reason
    assert "clear-sky persistence" in found.reason


def test_better_than_physics_and_worse_than_persistence_serves_because_physics_would() -> None:
    """A capacity that is entered ten times too high: physics is far off, persistence and trees are not."""
    table = forecasts("c", 0.05).assign(reference=lambda one: one["share"] + 0.01)
    found = verdicts([table], {"c": None})["c"]
    assert found.decision == "promoted"
    assert found.reason.startswith("better than physics before any training")
    assert "1.00 % of clear-sky persistence" in found.reason
    found = verdicts([table], {"c": forecasts("c", 0.09)})["c"]
    assert found.decision == "promoted"
    worse = verdicts([table.assign(physics=lambda one: one["share"] + 0.02)], {"c": None})["c"]
    assert worse.decision == "kept"


def test_what_physics_does_not_know_is_judged_against_persistence_alone() -> None:
    table = forecasts("c", 0.15).assign(physics=np.nan)
    assert judged([table], {"c": None}) == {"c": "promoted"}


def test_better_than_a_bad_model_and_worse_than_physics_is_not_promoted_and_physics_takes_over() -> None:
    """Nobody may lose to doing nothing for long: the issue's three sites at 63° N."""
    found = verdicts([forecasts("a", 0.2)], {"a": forecasts("a", 0.4)})["a"]
    assert found.decision == "withdrawn"
    assert "physics 10.00 %" in found.reason
    good = verdicts([forecasts("a", 0.2)], {"a": forecasts("a", 0.05)})["a"]
    assert good.decision == "kept", "a good model in service stays"
    near = verdicts([forecasts("a", 0.2)], {"a": forecasts("a", 0.1005)})["a"]
    assert near.decision == "kept", "half a percent worse is as good"


def test_without_an_hour_that_is_unseen_nothing_is_promoted() -> None:
    found = judge.judge(
        OutOfSample(evaluate.no_window(LEVELS).assign(physics=0.0), LEVELS), {"a": Incumbent()}, RULES
    )
    assert found["a"].decision == "kept"
    assert "only 0 days" in found["a"].reason


# ------------------------------------------------------------------ current.json


def test_each_site_moves_by_itself_and_says_since_when_and_why() -> None:
    before = {
        "a": Serving(version="v1", since=NOW, why="first", previous=PHYSICS),
        "gone": Serving(version="v1", since=NOW, why="first"),
    }
    found = verdicts(
        [forecasts("a", 0.08), forecasts("b", 0.01), forecasts("c", 0.3)],
        {"a": forecasts("a", 0.02), "b": None, "c": None},
    )
    physics = Service(None, None, "nobody", ("no_model",))
    own = Service(cast_model("a", "v1"), NOW, "first")
    later = NOW + timedelta(days=1)
    after = serving.after(before, found, {"a": own, "b": physics, "c": physics}, "v2", later)
    assert {name: entry.version for name, entry in after.items()} == {
        "a": "v1",
        "gone": "v1",
        "b": "v2",
        "c": PHYSICS,
    }
    assert after["a"] == before["a"]
    assert (after["b"].since, after["b"].previous) == (later, PHYSICS)
    assert "no better" in after["c"].why
    document = serving.pointer(None, after, "why", "v2", later)
    assert (document.version, document.judged) == ("v2", "v2")


def cast_model(site_id: str, version: str) -> Any:
    """Enough of a model in service for `serving.after`."""

    class Model:
        own_site = site_id

    Model.version = version  # type: ignore[attr-defined]
    return Model()


# ------------------------------------------------------------------ the whole way, in a bucket


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration that trains in a moment."""
    settings = forecasting_config()
    fast = settings.booster.model_copy(update={"rounds": 40, "levels": LEVELS})
    quick = settings.model_copy(update={"booster": fast})
    monkeypatch.setattr(candidate, "forecasting_config", lambda: quick)
    monkeypatch.setattr(decide, "forecasting_config", lambda: quick)


def lay(site_id: str, gain: float, days: int = 40, upload: str = "0" * 16, noise: float = 0.02) -> str:
    """A site that gives `gain` of what physics says, with one upload; the upload's key."""
    document = site_document({f"{site_id}-1": 100.0}).model_copy(
        update={"site_id": site_id, "customer_id": CUSTOMER, "tilt": 25.0, "azimuth": 0.0}
    )
    s3.write_json(OUT, SITE.build(customer_id=CUSTOMER, site_id=site_id), document.document())
    sky = weather(days, seed=len(site_id) + ord(site_id[0]))
    table = sky.assign(share=gain * share_of(sky, noise=noise)).rename_axis("timestamp").reset_index()
    key = TRAINING_HOURLY.build(customer_id=CUSTOMER, site_id=site_id, file_id=upload)
    s3.write_bytes(IN, key, parquet.dump(table), parquet.MEDIA_TYPE)
    return key


def trained(key: str, hour: int) -> Any:
    """The answer of Decide after all steps of a training that began in this hour."""
    source = {"bucket": IN, "key": key, "version_id": ""}
    started = (NOW + timedelta(hours=hour)).isoformat()
    event = {"task": "prepare", "source": source, "started": started, "execution_id": f"e{hour}"}
    prepared = run(event, OUT)
    assert prepared["status"] == "ready", prepared
    step = {"customer_id": CUSTOMER, "version": prepared["version"]}
    for number in prepared["folds"]:
        run({"task": "fold", "fold": number, **step}, OUT)
    run({"task": "train", **step}, OUT)
    return run({"task": "decide", **step}, OUT)


def current() -> Current:
    found = registry.pointer(OUT, CUSTOMER).current
    assert found is not None
    return found


def test_a_later_site_gets_a_model_and_the_first_keeps_its_own(cloud: None, few_trees: None) -> None:
    """A is served; B comes, then C, whose history ended before: each gets what is best for it."""
    first = trained(lay("a", 0.5), 0)
    assert (first["decision"], first["sites"]) == ("promoted", ["a"])
    assert registry.in_service(OUT, CUSTOMER, "b").version == PHYSICS
    assert registry.in_service(OUT, CUSTOMER, "b").degraded == ("no_model",)

    second = trained(lay("b", 0.4), 1)
    assert second["decision"] == "promoted", second["reason"]
    assert "b" in second["sites"]
    serves = {name: entry.version for name, entry in (current().sites or {}).items()}
    assert serves["b"] == second["version"]

    third = trained(lay("c", 0.3, days=34), 2)
    assert "c" in third["sites"], third["reason"]
    services = registry.services(OUT, CUSTOMER, ["a", "b", "c", "d"])
    for name, entry in (current().sites or {}).items():
        model = services[name].model
        assert model is not None
        assert model.version == entry.version, "each site's own version is loaded"
        assert model.own_site is not None
        assert services[name].degraded == ()
        assert services[name].why == entry.why
    assert services["d"].version == PHYSICS
    assert "no model has learned this site" in services["d"].why
    again = run({"task": "decide", "customer_id": CUSTOMER, "version": third["version"]}, OUT)
    assert again == third, "the same step again moves nothing"


def test_a_pointer_of_before_serves_the_sites_that_its_version_was_trained_on(
    cloud: None, few_trees: None
) -> None:
    version = trained(lay("a", 0.5), 0)["version"]
    old = {"version": version, "previous": "", "changed_at": NOW.isoformat(), "reason": "of before"}
    s3.write_json(OUT, MODEL_CURRENT.build(customer_id=CUSTOMER), old)
    services = registry.services(OUT, CUSTOMER, ["a", "b"])
    assert (services["a"].version, services["a"].why) == (version, "of before")
    assert services["b"].version == PHYSICS, "B is not forecast by A's model"
    second = trained(lay("b", 0.4), 1)
    entries = current().sites or {}
    assert entries["b"].version == second["version"]
    assert set(entries) == {"a", "b"}


def test_physics_serves_strangers_whatever_lies_where_a_shared_model_was_named(
    cloud: None, few_trees: None, capsys: pytest.CaptureFixture[str]
) -> None:
    version = trained(lay("a", 0.5), 0)["version"]
    key = MODEL_CURRENT.build(customer_id="global")
    assert key not in [entry["Key"] for entry in s3.list_keys(OUT, "models/")], "a training names none"
    proof = {"sites": 2, "days": 10, "model_mae_percent": 7.0, "physics_mae_percent": 8.0}
    old = {"customer_id": CUSTOMER, "version": version, "changed_at": NOW.isoformat(), "proof": proof}
    for body in (json.dumps(old).encode(), b"{"):
        s3.write_bytes(OUT, key, body, "application/json")
        capsys.readouterr()
        for customer, site in (("newcomer", "x"), ("newcomer", "a"), (CUSTOMER, "x")):
            service = registry.in_service(OUT, customer, site)
            assert (service.version, service.degraded) == (PHYSICS, ("no_model",))
            assert service.why == registry.UNTRAINED
        assert registry.in_service(OUT, CUSTOMER, "a").version == version, "its own site it forecasts"
        others = store.rows_of_others(OUT, "newcomer", 50)
        assert others is not None
        assert set(others["site_id"]) == {"a"}, "rows of others still help to train"
        assert "unreadable" not in capsys.readouterr().out


def test_windows_of_a_site_are_its_own_last_days(cloud: None, few_trees: None) -> None:
    """B's history ended ten days before A's: without windows of its own it would have a day or none."""
    lay("b", 0.4, days=30)
    answer = trained(lay("a", 0.5, days=40), 0)
    folds = store.load_folds(OUT, store.load_dataset_card(OUT, CUSTOMER, answer["version"]))
    table = pd.concat(folds)
    last = table.groupby("site_id")["timestamp"].max()
    assert (last["a"] - last["b"]).days == 10
    days = table.groupby("site_id")["timestamp"].apply(lambda when: when.dt.floor("D").nunique())
    assert days["b"] == days["a"]


def test_a_damaged_pointer_is_kept_aside_before_another_one_is_written(
    cloud: None, few_trees: None
) -> None:
    first = trained(lay("a", 0.5), 0)
    key = MODEL_CURRENT.build(customer_id=CUSTOMER)
    s3.write_bytes(OUT, key, b'{"version": "v2', "application/json")
    trained(lay("b", 0.4), 1)
    kept = [entry["Key"] for entry in s3.list_keys(OUT, f"models/{CUSTOMER}/aside/")]
    assert len(kept) == 1
    assert s3.read_bytes(S3Pointer(bucket=OUT, key=kept[0])) == b'{"version": "v2'
    entries = current().sites or {}
    assert entries["a"].version in (first["version"], current().judged), "A keeps a model"
    assert current().judged != first["version"]
