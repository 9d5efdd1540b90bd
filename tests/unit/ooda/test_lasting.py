"""Losses that last, on series of days from a simulator of this file's own (ARMA noise)."""

from __future__ import annotations

import itertools
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from ooda.config.detection import detection_config
from ooda.detect.asset_history import empty
from ooda.detect.incidents import incidents_of, updated
from ooda.detect.lasting import Lasting, lasting
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import Incident
from tests.builders.assets import make_asset, make_registry
from tests.builders.detection import THRESHOLD, histories_of
from tests.builders.telemetry import DAY, sunny_day

MONTH = 30.4
"""Days."""
NOISES = [(0.006, 0.0, 0.0), (0.01, 0.6, 0.3), (0.01, 0.85, -0.4), (0.015, 0.9, -0.5)]
"""Of an ARMA(1, 1): standard deviation of the days, what one hands on, and the part of the shock before."""


def arma(seed: int, days: int, noise: tuple[float, float, float]) -> np.ndarray:
    """Log losses of sound days, (days,); every fifth series has shocks with long tails."""
    sd, hands_on, before = noise
    rng = np.random.default_rng(seed)
    shocks = rng.standard_t(5, days + 101) if seed % 5 == 0 else rng.normal(size=days + 101)
    values = np.zeros(days + 101)
    for n in range(1, days + 101):
        values[n] = hands_on * values[n - 1] + shocks[n] + before * shocks[n - 1]
    values = values[101:]
    scale = np.sqrt((1 + before**2 + 2 * hands_on * before) / (1 - hands_on**2))
    return sd * values / scale / (np.sqrt(5 / 3) if seed % 5 == 0 else 1.0)


def runs_of(losses: np.ndarray) -> list[Lasting]:
    return lasting(losses, np.full(len(losses), 500.0), np.arange(len(losses)) + 20000)


def told(losses: np.ndarray, sure: bool = False) -> np.ndarray:
    """Which days belong to a loss that is told, (days,)."""
    out = np.zeros(len(losses), dtype=bool)
    for run in runs_of(losses):
        out[run.first : run.last + 1] |= run.sure or not sure
    return out


@pytest.mark.parametrize("noise", NOISES)
def test_sound_days_raise_few_suspicions_and_fewer_incidents(noise: tuple[float, float, float]) -> None:
    runs = [run for seed in range(20) for run in runs_of(arma(seed, 365, noise))]
    months = 20 * 365 / MONTH
    assert sum(not run.sure for run in runs) / months <= 0.2
    assert sum(run.sure for run in runs) / months <= 0.05


@pytest.mark.parametrize(("size", "least"), [(0.06, 0.85), (0.08, 0.9), (0.12, 0.97)])
@pytest.mark.parametrize("noise", NOISES[:3])
def test_a_loss_from_five_per_cent_on_is_sure(
    noise: tuple[float, float, float], size: float, least: float
) -> None:
    found = []
    for seed in range(20):
        losses = arma(500 + seed, 110, noise)
        losses[60:100] -= np.log1p(-size)
        found.append(told(losses, sure=True)[60:100].mean())
    assert np.mean(found) >= least


@pytest.mark.parametrize("noise", NOISES[:3])
def test_three_per_cent_are_suspected_not_sure(noise: tuple[float, float, float]) -> None:
    some, sure = [], []
    for seed in range(20):
        losses = arma(900 + seed, 110, noise)
        losses[60:100] -= np.log1p(-0.03)
        some.append(told(losses)[60:100].mean())
        sure.append(told(losses, sure=True)[60:100].mean())
    assert np.mean(some) >= 0.6
    assert np.mean(sure) <= 0.25


@pytest.mark.parametrize(("a_day", "least"), [(0.001, 0.78), (0.002, 0.95)])
def test_what_grows_is_not_learned(a_day: float, least: float) -> None:
    found = []
    for seed in range(20):
        losses, grown = arma(1300 + seed, 150, NOISES[1]), np.zeros(150)
        grown[90:] = a_day * np.arange(60)
        found.append((grown * told(losses - np.log1p(-grown))).sum() / grown.sum())
    assert np.mean(found) >= least


def test_a_loss_from_the_first_day_on_is_one() -> None:
    """No day before can show it: what is lost day after day is no usual."""
    losses = arma(7, 60, NOISES[1]) + 0.08
    (run,) = runs_of(losses)
    assert run.sure
    assert run.first <= 1


def test_one_dreadful_day_is_no_loss_that_lasts() -> None:
    losses = arma(3, 60, NOISES[0])
    losses[40] = 1.5
    assert runs_of(losses) == []


def test_a_loss_ends_after_three_good_days() -> None:
    losses = arma(4, 80, NOISES[0])
    losses[40:50] += 0.1
    (run,) = runs_of(losses)
    assert (run.first, run.last) == (40, 49)


def test_a_loss_has_begun_before_the_dull_day_that_hid_it() -> None:
    """A limit bites on bright days only: one day of it, a dull one, then the rest are one loss."""
    losses = arma(4, 80, NOISES[0])
    losses[[40, *range(42, 52)]] += 0.1
    losses[30] += 0.1  # ten days before: not its begin
    (run,) = runs_of(losses)
    assert (run.first, run.last) == (40, 51)


def test_a_loss_no_larger_than_what_is_not_known_of_the_sky_is_none_and_a_larger_one_is() -> None:
    rng = np.random.default_rng(5)
    days = 80
    unsure = np.where(np.arange(days) >= 60, 0.12, 0.01)  # a low sun beside a flat sensor
    for loss, there in ((0.06, False), (0.45, True)):
        x = 0.01 * rng.normal(size=days)
        x[62:76] += -np.log1p(-loss)
        found = lasting(x, np.full(days, 100.0), np.arange(days), doubt=unsure)
        assert any(run.sure for run in found) is there
        assert any(run.sure for run in lasting(x, np.full(days, 100.0), np.arange(days)))


def test_fewer_than_two_days_say_nothing() -> None:
    for days in range(2):
        assert runs_of(np.full(days, 0.3)) == []


def history(losses: dict[int, float], count: int) -> AssetHistory:
    """An asset's history after so many days, each a file, of which some lose a share."""
    parts = []
    for n in range(count):
        day = sunny_day("INV-001", DAY + timedelta(days=n), seed=n)
        day["power_kw"] *= 1.0 - losses.get(n, 0.0)
        parts.append(day)
    return histories_of(pd.concat(parts, ignore_index=True), make_registry())["INV-001"]


def of(given: AssetHistory) -> list[Incident]:
    return incidents_of(given, detection_config(), THRESHOLD)


def test_a_small_loss_is_suspected_told_with_its_evidence_and_not_booked() -> None:
    (incident,) = history(dict.fromkeys(range(20, 30), 0.03), 30).incidents
    assert incident.suspected
    assert not incident.actionable
    assert incident.lost_energy_kwh == 0.0
    assert sum(episode.lost_kwh for episode in incident.episodes) == 0.0
    assert incident.window.start.date() == (DAY + timedelta(days=20)).date()
    told = next(item for item in incident.evidence if item.detector == "likelihood_ratio")
    assert "suspected, not booked" in told.statement
    assert told.value >= told.limit


def test_what_was_suspected_keeps_its_id_when_it_is_sure_and_is_booked_from_its_first_day() -> None:
    grown = {n: 0.03 if n < 28 else 0.09 for n in range(20, 36)}
    (early,) = history(grown, 28).incidents
    late = history(grown, 36)
    (sure,) = late.incidents
    assert early.suspected
    assert not sure.suspected
    assert sure.incident_id == early.incident_id
    due = {day: item.expected_kwh for day, by_file in late.days.items() for item in by_file.values()}
    truth = sum(share * list(due.values())[n] for n, share in grown.items())
    assert sure.lost_energy_kwh == pytest.approx(truth, rel=0.1)


def test_the_days_in_any_order_or_twice_give_the_same_losses() -> None:
    whole = history({**dict.fromkeys(range(20, 28), 0.03), **dict.fromkeys(range(35, 38), 0.09)}, 39)
    days = [(key, {day: item}) for day, by_file in whole.days.items() for key, item in by_file.items()]
    truth = [item.model_dump(exclude={"incident_id"}) for item in of(whole)]
    assert [item["suspected"] for item in truth] == [True, False]
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(days))
        built = empty(make_asset())
        for n in itertools.chain(order, order[:4]):
            built = updated(built, *days[n], detection_config(), THRESHOLD)
        assert [item.model_dump(exclude={"incident_id"}) for item in built.incidents] == truth
        ids = [item.incident_id for item in built.incidents]
        assert len(set(ids)) == len(ids)


def test_an_older_history_gives_its_incidents() -> None:
    new = history(dict.fromkeys(range(20, 26), 0.08), 26)
    document = new.document()
    for by_file in document["days"].values():
        for item in by_file.values():
            item.pop("fleet_loss", None)
    for item in document["incidents"]:
        for name in ("suspected", "episodes"):
            item.pop(name, None)
    old = AssetHistory.read(document, "an older history")
    assert of(old) == new.incidents


def test_hours_energy_and_windows_are_those_of_the_episodes() -> None:
    frame = pd.concat([sunny_day("INV-001", DAY + timedelta(days=n), seed=n) for n in range(12)])
    stopped = frame["timestamp"].dt.day.isin((20, 21)) & frame["timestamp"].dt.hour.isin((8, 9))
    frame.loc[stopped, "power_kw"] = 0.0
    (incident,) = histories_of(frame, make_registry())["INV-001"].incidents
    assert len(incident.episodes) == 2
    assert incident.duration_hours == pytest.approx(4.0)
    assert incident.lost_energy_kwh == pytest.approx(sum(item.lost_kwh for item in incident.episodes))
    held = sum((frame["timestamp"].between(e.window.start, e.window.end)).sum() for e in incident.episodes)
    assert held == stopped.sum()


def test_what_the_whole_site_misses_is_no_loss_of_an_asset() -> None:
    new = history(dict.fromkeys(range(20, 26), 0.08), 26)
    shared = {
        day: {
            key: item.model_copy(update={"fleet_loss": float(-np.log1p(-(item.loss or 0.0)))})
            for key, item in by_file.items()
        }
        for day, by_file in new.days.items()
    }
    alike = new.model_copy(update={"days": shared})
    assert not [incident for incident in of(alike) if not incident.suspected and incident.days > 1]


@pytest.mark.parametrize(("goes_on", "sure"), [(0.0, False), (0.10, True)])
def test_what_is_missing_while_snow_may_lie_is_sure_once_it_is_missing_without(
    goes_on: float, sure: bool
) -> None:
    """Snow slides off one machine later than off the next; a string that is lost then stays lost."""
    rng, days = np.random.default_rng(4), 70
    losses, snow = rng.normal(0.0, 0.008, days), np.zeros(days, dtype=bool)
    snow[50:58] = True
    losses[50:58] += 0.10
    losses[58:] += goes_on
    due, number, no = np.full(days, 100.0), np.arange(days), np.zeros(days, dtype=bool)
    (run,) = lasting(losses, due, number, no, no, snow)
    assert (run.first, run.sure) == (50, sure)
    (run,) = lasting(losses, due, number)
    assert run.sure
