"""An asset over days and files: incidents are one however the files come."""

from __future__ import annotations

import itertools
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from ooda.config import detection
from ooda.detect import forest
from ooda.detect.asset_history import empty, with_days
from ooda.detect.context import Context
from ooda.detect.incidents import updated
from ooda.detect.judge import judge_assets
from ooda.documents.asset_history import AssetHistory, HistoryDay
from tests.builders.assets import make_asset, make_registry
from tests.builders.detection import THRESHOLD, between, histories_of, telemetry_file
from tests.builders.telemetry import DAY, sunny_day

RULES = detection.detection_config()
ASSET = make_asset()


def days(count: int, loss: dict[int, float] | None = None) -> pd.DataFrame:
    """So many days of a sound asset, some of which lose a share."""
    parts = []
    for n in range(count):
        day = sunny_day("INV-001", DAY + timedelta(days=n), seed=n)
        day["power_kw"] *= 1.0 - (loss or {}).get(n, 0.0)
        parts.append(day)
    return pd.concat(parts, ignore_index=True)


def days_of(frame: pd.DataFrame) -> dict[str, HistoryDay]:
    """What one file says of each of its days."""
    return judge_assets(telemetry_file(frame, key="f"), Context())[0].days


def kinds(history: AssetHistory) -> list[tuple[str, str, int]]:
    return [(i.kind, i.state, i.days) for i in history.incidents]


def test_a_fault_over_days_is_one_incident_that_opens_recovers_and_closes() -> None:
    frame = days(16, dict.fromkeys(range(8, 12), 0.3))
    seen = []
    for last in (9, 12, 13, 14):
        part = frame[frame["timestamp"] < pd.Timestamp(DAY) + pd.Timedelta(days=last)]
        seen.append(histories_of(part, make_registry())["INV-001"])
    assert [kinds(history) for history in seen] == [
        [("underperformance", "open", 1)],
        [("underperformance", "open", 4)],
        [("underperformance", "recovering", 4)],
        [("underperformance", "closed", 4)],
    ]
    assert len({history.incidents[0].incident_id for history in seen}) == 1, "the same one on every day"
    lost = [history.incidents[0].lost_energy_kwh for history in seen]
    assert lost[1] == pytest.approx(4 * lost[0], rel=0.05)
    assert lost[1] == lost[2] == lost[3]
    assert not seen[3].incidents[0].actionable, "nobody is sent to what is over"


def test_a_second_delivery_changes_nothing_and_a_late_file_fills_its_gap() -> None:
    frame = days(12, dict.fromkeys((8, 9, 10), 0.3))
    parts = {str(day): part for day, part in frame.groupby(frame["timestamp"].dt.floor("D"))}
    names = list(parts)
    whole = histories_of(frame, make_registry())["INV-001"]
    again = histories_of(parts[names[9]], make_registry(), {"INV-001": whole})["INV-001"]
    assert again.document() == whole.document()
    without = {k: v for k, v in parts.items() if k != names[9]}
    late = histories_of(pd.concat(without.values()), make_registry())
    assert [i.days for i in late["INV-001"].incidents] == [2]
    late = histories_of(parts[names[9]], make_registry(), late)
    assert kinds(late["INV-001"]) == kinds(whole)
    assert late["INV-001"].incidents[0].incident_id == whole.incidents[0].incident_id


def test_incidents_do_not_depend_on_the_order_in_which_days_are_entered() -> None:
    frame = days(14, dict.fromkeys((10, 11, 13), 0.25))
    everything = days_of(frame)
    last = list(everything)[-4:]
    results = []
    for order in itertools.permutations(last):
        history = with_days(empty(ASSET), "early", {k: v for k, v in everything.items() if k not in last})
        for day in order:
            history = updated(history, f"file-{day}", {day: everything[day]}, RULES, THRESHOLD)
        ids = [item.incident_id for item in history.incidents]
        assert len(ids) == len(set(ids))
        document = [item.model_dump(exclude={"incident_id"}) for item in history.incidents]
        results.append((document, list(history.days)))
    assert all(result == results[0] for result in results[1:])


def test_day_by_day_and_all_at_once_agree() -> None:
    frame = days(30, dict.fromkeys(range(20, 25), 0.3))
    day_by_day = histories_of(frame, make_registry())["INV-001"]
    at_once = updated(empty(ASSET), "all", days_of(frame), RULES, THRESHOLD)
    assert kinds(day_by_day) == kinds(at_once)
    for one, other in zip(day_by_day.incidents, at_once.incidents, strict=True):
        assert one.lost_energy_kwh == pytest.approx(other.lost_energy_kwh, rel=0.03)
        assert one.window == other.window


def test_a_small_loss_counts_once_it_goes_on_and_from_its_first_day() -> None:
    frame = days(24, dict.fromkeys(range(18, 24), 0.05))
    history = histories_of(frame, make_registry())["INV-001"]
    assert kinds(history) == [("underperformance", "open", 6)]
    assert history.incidents[0].window.start.date() == (DAY + timedelta(days=18)).date()
    single = histories_of(days(24, {20: 0.05}), make_registry())["INV-001"]
    assert single.incidents == []


def test_dirt_that_gathers_for_weeks_does_not_become_the_normal_state() -> None:
    frame = days(50, {n: 0.006 * (n - 14) for n in range(14, 50)})
    history = histories_of(frame, make_registry())["INV-001"]
    incident = history.incidents[-1]
    assert incident.state == "open"
    truth = 0.006 * 35
    assert incident.recent_loss_share == pytest.approx(truth, abs=0.03)
    assert incident.signals.slope_per_day == pytest.approx(0.006, abs=0.001)


def test_the_forest_marks_outliers_and_is_deterministic() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(0, 1, (300, 4))
    points[:15] += 6.0
    score = forest.scores(points, 42)
    assert (np.argsort(-score)[:15] < 15).mean() > 0.9
    assert (score == forest.scores(points, 42)).all()
    assert forest.unusual(points, 0.1, 42).sum() == 30
    assert not forest.unusual(points[:5], 0.1, 42).any()


def test_an_hour_without_power_in_a_day_is_kept_apart_from_a_loss_that_goes_on() -> None:
    frame = days(14, dict.fromkeys(range(9, 14), 0.2))
    day = frame["timestamp"].dt.date == (DAY + timedelta(days=11)).date()
    frame.loc[day.to_numpy() & between(frame, "09:00", "11:00"), "power_kw"] = 0.0
    history = histories_of(frame, make_registry())["INV-001"]
    assert [(i.kind, i.days) for i in history.incidents] == [("underperformance", 5), ("outage", 1)]
