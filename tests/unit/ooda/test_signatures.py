"""Each injected fault of the bench's kinds, once, on a simulated plant: found, and by its name.

The bench (`benchmarks/detection`) is the measure; this keeps it from rotting. One plant that thresholds
were chosen on, one seed: a broken signature fails here, an unlucky one is the bench's matter.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.detection import plants
from benchmarks.detection.fault_bench import canonical, run_case
from benchmarks.detection.faults import FAULTS, Fault
from ooda.detect.context import Context
from ooda.detect.judge import judge_assets
from ooda.diagnose.cause import ranking
from ooda.diagnose.signatures import SIGNATURES
from tests.builders.assets import make_asset
from tests.builders.detection import judge, telemetry_file, week
from tests.builders.telemetry import sunny_day


def summer(plant: plants.Plant) -> plants.Plant:
    """April to September, five assets: what a test has time for."""
    names = list(plant.frames)[:5]
    frames = {
        name: plant.frames[name][plant.frames[name]["timestamp"].dt.month.between(4, 9)] for name in names
    }
    return replace(plant, frames={name: frame.reset_index(drop=True) for name, frame in frames.items()})


@pytest.fixture(scope="module")
def solar() -> plants.Plant:
    return summer(plants.simulated("greensboro", "723170TYA.CSV", 11, for_tuning=True))


@pytest.fixture(scope="module")
def wind() -> plants.Plant:
    return plants.wind_farm("greensboro-wind", "723170TYA.CSV", 13, for_tuning=True)


def names_given(plant: plants.Plant, fault: Fault) -> list[str]:
    """What the strongest form of a fault was taken for, three times; most of its energy was detected."""
    outcomes = []
    for seed in range(12):
        outcome = run_case(plant, plant.registry.assets[1], fault, 2, seed, peers=False)
        outcomes += [outcome] if outcome is not None else []
        if len(outcomes) == 3:
            break
    assert len(outcomes) == 3, "it fits nowhere in the year"
    if fault.nature == "asset":
        assert sum(o.found_kwh for o in outcomes) > 0.5 * sum(o.lost_kwh for o in outcomes)
    return [outcome.predicted for outcome in outcomes]


SUMMER = [f for f in FAULTS if f.kind == "solar" and not f.tracking and f.name != "snow"]


@pytest.mark.parametrize("fault", SUMMER, ids=lambda fault: fault.name)
def test_a_strong_fault_is_found_by_its_name(solar: plants.Plant, fault: Fault) -> None:
    assert names_given(solar, fault).count(fault.truth) >= 2


@pytest.mark.parametrize("name", ["turbine derated", "icing", "bearing wear", "turbine dead"])
def test_a_turbines_fault_is_found_by_its_name(wind: plants.Plant, name: str) -> None:
    fault = next(f for f in FAULTS if f.name == name)
    assert names_given(wind, fault).count(fault.truth) >= 2


def test_a_sound_asset_among_sound_ones_has_no_incident_in_a_quarter(solar: plants.Plant) -> None:
    own, *others = [canonical(f[f["timestamp"].dt.month.isin([5, 6, 7])]) for f in solar.frames.values()]
    file = telemetry_file(own, solar.registry)
    assert judge_assets(file, Context(neighbours=pd.concat(others)))[0].detection.incidents == []


def test_every_signature_gives_reasons_and_is_ruled_out_by_what_it_needs() -> None:
    assert len({s.cause for s in SIGNATURES}) == len(SIGNATURES)
    for signature in SIGNATURES:
        assert any(condition.needed for condition in signature.conditions), signature.cause
        assert any(condition.reason for condition in signature.conditions), signature.cause
        assert 0.5 < signature.best < 1.0


def test_the_ranking_is_in_order() -> None:
    day = sunny_day()
    day["power_kw"] *= 0.65
    incident = judge(day, history=week())["INV-001"].incidents[0]
    ranked = ranking(incident, make_asset())
    assert [row[1] for row in ranked] == sorted((row[1] for row in ranked), reverse=True)
    assert ranked[0][0] == "string_loss"
    assert ranked[0][2]
