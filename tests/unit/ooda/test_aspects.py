"""Aspects and signals that strangers' faults had led astray: each test holds a class, without a bench.

The forms that showed them: `benchmarks/detection/strangers/cause_forms.py`, by another hand than the table.
"""

from __future__ import annotations

import numpy as np
import pytest

from ooda.detect.incident_signals import _same_hours
from ooda.detect.peers import _between
from ooda.detect.track import Days
from ooda.diagnose.cause import diagnose, seen
from ooda.diagnose.view import View
from ooda.documents.detections import Episode
from tests.builders.assets import make_asset
from tests.unit.ooda.test_signatures import incident_like, named

TURBINE = make_asset(type="Wind Turbine")
TRACKER = make_asset(tracking="single_axis")


def test_a_storm_and_a_gale_do_not_speak_for_a_cause_that_nobody_knows() -> None:
    stop = {"zero_share": 1.0, "loss_share": 1.0, "ambient_c": 20.0}
    gale = named(incident_like("outage", **stop, gust_m_s=22.0, rain_mm=40.0), TURBINE)
    calm = named(incident_like("outage", **stop, gust_m_s=4.0, rain_mm=0.0), TURBINE)
    assert gale["unknown_pattern"] == pytest.approx(calm["unknown_pattern"], abs=0.03)


def test_a_turbines_voltage_is_the_grids() -> None:
    assert "volts" not in seen(View(incident_like("outage", voltage_ratio=1.06), TURBINE))
    assert "volts" in seen(View(incident_like("outage", voltage_ratio=1.06), make_asset()))


def test_a_stop_until_dusk_that_is_over_the_next_morning_was_a_trip() -> None:
    stop = incident_like("outage", zero_share=1.0, loss_share=1.0, returns=0.0)
    over = stop.model_copy(update={"days": 1, "duration_hours": 2.3, "state": "closed"})
    assert diagnose(over, make_asset()).name == "inverter_trip"
    lasting = stop.model_copy(update={"days": 3, "duration_hours": 30.0, "state": "closed"})
    assert diagnose(lasting, make_asset()).name == "inverter_failure"


def test_dew_keeps_an_inverter_from_starting_without_any_rain() -> None:
    dew = {"zero_share": 1.0, "loss_share": 1.0, "from_dawn": 1.0, "returns": 1.0, "voltage_ratio": 1.1}
    late = incident_like("outage", **dew, same_hours=0.6, rain_mm=0.0, gust_m_s=2.0)
    assert diagnose(late.model_copy(update={"days": 7, "duration_hours": 16.0}), make_asset()).name == (
        "isolation_fault"
    )


@pytest.mark.parametrize(
    ("early", "noon", "late", "name"),
    [(0.01, 0.01, 0.5, "shading"), (0.01, 0.2, 0.6, "tracker_stuck"), (0.5, 0.02, 0.5, "tracker_stuck")],
)
def test_an_obstacle_leaves_noon_whole_and_a_tracker_that_stands_does_not(
    early: float, noon: float, late: float, name: str
) -> None:
    loss = {"loss_early": early, "loss_noon": noon, "loss_late": late, "day_share": 0.4, "loss_share": 0.45}
    sides = incident_like(**loss, same_hours=0.9, loss_clear=0.5, loss_cloudy=0.1)
    assert diagnose(sides.model_copy(update={"days": 9}), TRACKER).name == name


def test_a_loss_from_half_past_ten_to_three_is_one_of_noon() -> None:
    middle = incident_like(loss_noon=0.25, loss_late=0.23, loss_share=0.24, day_share=0.43)
    hours = seen(View(middle.model_copy(update={"days": 9}), make_asset()))["hours"]
    assert max(hours, key=hours.__getitem__) == "noon"


def test_a_limit_that_was_lowered_once_is_no_ageing() -> None:
    held = {"plateau_share": 0.99, "plateau_level": 0.46, "loss_low": 0.05, "loss_high": 0.4}
    lowered = incident_like(**held, plateau_slope=-0.027, plateau_step=1.0)
    assert diagnose(lowered, make_asset()).name == "wrong_setpoint"
    fading = incident_like(**held, plateau_slope=-0.01, plateau_step=0.2)
    assert diagnose(fading, make_asset()).name == "capacity_fade"


def test_fuses_that_blow_one_after_the_other_are_no_dirt() -> None:
    grows = {"loss_share": 0.16, "voltage_ratio": 1.0, "slope_per_day": 0.013, "loss_before": 0.0}
    steps = incident_like(**grows, slope_step=0.9).model_copy(update={"days": 14})
    even = incident_like(**grows, slope_step=0.0).model_copy(update={"days": 14})
    assert diagnose(steps, make_asset()).name == "string_loss"
    assert named(steps)["soiling"] < 0.3 * named(even)["soiling"]


def test_a_few_readings_without_power_do_not_make_a_loss_one_of_trips() -> None:
    dawns = incident_like(loss_share=0.33, zero_share=0.02, stops=3).model_copy(update={"days": 3})
    trips = incident_like(loss_share=0.33, zero_share=0.2, stops=3).model_copy(update={"days": 3})
    assert named(dawns)["inverter_trip"] < 0.15
    assert diagnose(trips, make_asset()).name == "inverter_trip"


def test_a_storm_in_the_snow_is_a_storm() -> None:
    stop = {"zero_share": 1.0, "loss_share": 1.0, "voltage_ratio": 0.0, "returns": 0.0}
    storm = {"rain_mm": 25.0, "rain_peak_mm": 15.0, "snow_mm": 16.0, "gust_m_s": 10.0, "ambient_c": 1.0}
    named_so = diagnose(incident_like("outage", **stop, **storm), make_asset())
    assert named_so.name == "lightning_damage"


def test_ice_needs_water() -> None:
    frost = {"zero_share": 1.0, "loss_share": 1.0, "ambient_c": -3.0, "gust_m_s": 5.0}
    dry = named(incident_like("outage", **frost, rain_mm=0.0), TURBINE)
    wet = named(incident_like("outage", **frost, rain_mm=4.0), TURBINE)
    assert dry["icing"] < 0.7 * wet["icing"]


def test_two_of_three_stops_are_near_each_other_by_chance() -> None:
    def stops(*slots: int) -> list[Episode]:
        signals = incident_like("outage", day_share=0.3).signals
        return [
            Episode.model_construct(signals=signals.model_copy(update={"first_slot": slot}))
            for slot in slots
        ]

    assert _same_hours(stops(20, 21, 33)) == 0.0
    assert _same_hours(stops(20, 21, 21)) == 1.0


def test_a_roof_that_the_sun_reaches_late_did_not_stand_still() -> None:
    stopped = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, np.nan, 1.0, 0.0, 0.0])
    days = Days.of(np.array([0] * 9 + [1] * 3))
    between = _between(stopped, days)
    assert days.sum(stopped, between).tolist() == [2.0, 0.0]
