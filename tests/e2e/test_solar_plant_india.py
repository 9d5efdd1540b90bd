"""The case to get right: the two worst, the outages, the unit error, and hardly anything else."""

from __future__ import annotations

import pytest

from tests.builders.real_data import shared_data

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("india")]


def test_documented_faults_are_detected_with_few_false_alarms() -> None:
    shared_data("solar_plant_india")
    from benchmarks import solar_plant_india as bench

    result = bench.run()
    assert {name for name, _ in result.lost[:2]} == set(bench.WORST)
    for day, names in bench.OUTAGES.items():
        for name in names:
            assert result.found(name, day, "outage"), (day, name)
    for name, days in bench.WEAK_DAYS.items():
        for day in days:
            assert result.found(name, day, suspected=True), (day, name)
    assert not result.false, [f"{i.asset_id} {i.window.start}" for i in result.false]
    assert not [i for i, verdict in result.verdicts if verdict == "false"]
    units = [i for item in result.detections for i in item.quality.issues if i.kind == "unit_error"]
    assert len(units) == 22 * 34
    assert all("dc_power_kw" in issue.statement for issue in units)
