"""Aspects and signals that strangers' faults had led astray: each test holds a class, without a bench.

The forms that showed them: `benchmarks/detection/strangers/cause_forms.py`, by another hand than the table.
"""

from __future__ import annotations

import numpy as np
import pytest

from ooda.detect.incident_signals import _same_hours, combined
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


def stops_of(*days: tuple[float, float, float]) -> list[Episode]:
    """Stops of as many days: whether it worked again (0, 1), began at dawn (0, 1), mm of rain before."""
    plain = incident_like("outage", zero_share=1.0, loss_share=1.0, day_share=0.5).signals
    return [
        Episode.model_construct(
            kind="outage",
            lost_kwh=10.0,
            signals=plain.model_copy(
                update={"returns": back, "from_dawn": dawn, "rain_mm": rain, "wet_mm": min(rain, 1.0)}
            ),
        )
        for back, dawn, rain in days
    ]


def test_the_day_of_the_repair_does_not_make_a_dead_inverter_one_that_comes_back() -> None:
    dead = combined(stops_of((0, 1, 0), (1, 0, 0)), {0: 1.0, 1: 0.4})
    trips = combined(stops_of((1, 0, 0), (1, 0, 0)), {0: 0.3, 1: 0.3})
    assert (dead.returns, trips.returns) == (0.0, 1.0)
    assert combined(stops_of((1, 0, 0)), {0: 0.3}).returns == 1.0


def test_stops_that_each_came_after_rain_are_wet_insulation_and_others_are_trips() -> None:
    wet = combined(stops_of((1, 1, 4), (1, 0, 9), (1, 1, 2), (1, 1, 3)), dict.fromkeys(range(4), 0.2))
    dry = combined(stops_of((1, 0, 4), (1, 0, 0), (1, 1, 0), (1, 0, 0)), dict.fromkeys(range(4), 0.2))
    assert (wet.wet_share, dry.wet_share) == (1.0, 0.0)
    assert combined(stops_of((1, 0, 4)), {0: 0.2}).wet_share is None
    for signals, cause in ((wet, "isolation_fault"), (dry, "inverter_trip")):
        stop = incident_like("outage").model_copy(update={"signals": signals, "days": 4})
        assert diagnose(stop, make_asset()).name == cause


def test_rain_is_rain_in_a_gale_too() -> None:
    late = {"zero_share": 1.0, "loss_share": 1.0, "from_dawn": 0.7, "returns": 1.0, "voltage_ratio": 1.15}
    gale = incident_like("outage", **late, gust_m_s=20.0, rain_mm=6.0, wet_mm=0.9, wet_share=1.0)
    assert diagnose(gale.model_copy(update={"days": 5}), make_asset()).name == "isolation_fault"


def test_an_obstacle_takes_most_of_its_hours_and_heat_a_part() -> None:
    def at_noon(loss: float) -> dict[str, float]:
        noon = incident_like(
            loss_share=loss, loss_early=0.0, loss_noon=loss, loss_late=0.0, day_share=0.25, same_hours=1.0,
            cell_max_c=53.0, cell_correlation=0.2, returns=1.0, loss_low=0.0, loss_high=loss,
        )  # fmt: skip
        return named(noon.model_copy(update={"days": 6}))

    deep, light = at_noon(0.6), at_noon(0.15)
    assert deep["shading"] > 5 * light["shading"]
    assert light["overtemperature_derating"] > 0.7
    assert deep["overtemperature_derating"] < 0.6 * light["overtemperature_derating"]


@pytest.mark.parametrize(("stops", "name"), [(5, "inverter_trip"), (0, "mppt_fault")])
def test_trips_are_rough_too_and_a_tracker_that_hunts_does_not_stop(stops: int, name: str) -> None:
    rough = {"loss_share": 0.4, "roughness": 0.3, "voltage_ratio": 1.08, "returns": float(stops > 0)}
    loss = incident_like(**rough, stops=stops, zero_share=0.2 if stops else 0.0)
    assert diagnose(loss.model_copy(update={"days": 3}), make_asset()).name == name


def test_after_a_gale_a_lower_voltage_speaks_for_torn_modules() -> None:
    def torn(volts: float) -> dict[str, float]:
        return named(incident_like(gust_m_s=22.0, rain_mm=3.0, voltage_ratio=volts))

    low, usual = torn(0.95), torn(1.0)
    assert low["wind_damage"] > 0.8
    assert usual["string_loss"] > 5 * low["string_loss"]


def test_a_squall_leaves_open_whether_it_was_wind_or_hail() -> None:
    squall = {"gust_m_s": 24.0, "rain_mm": 12.0, "rain_peak_mm": 7.5, "ambient_drop_c": 7.2}
    storm, gale = named(incident_like(**squall)), named(incident_like(gust_m_s=24.0, rain_mm=12.0))
    assert storm["hail_damage"] > 0.25 > gale["hail_damage"]
    assert gale["wind_damage"] > storm["wind_damage"]


@pytest.mark.parametrize(("air", "name"), [(-2.0, "icing"), (12.0, "yaw_misalignment")])
def test_ice_on_the_blades_leaves_rated_power_whole_as_a_wrong_yaw_does(air: float, name: str) -> None:
    loss = {"loss_share": 0.15, "loss_low": 0.23, "loss_high": 0.06, "loss_full": 0.0, "rain_mm": 4.0}
    ill = incident_like(**loss, ambient_c=air).model_copy(update={"days": 3})
    assert diagnose(ill, TURBINE).name == name


def test_a_roof_that_the_sun_reaches_late_did_not_stand_still() -> None:
    stopped = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, np.nan, 1.0, 0.0, 0.0])
    days = Days.of(np.array([0] * 9 + [1] * 3))
    between = _between(stopped, days)
    assert days.sum(stopped, between).tolist() == [2.0, 0.0]
