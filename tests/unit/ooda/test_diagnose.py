"""Causes by signature, and what a fault costs."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.forecasting_api.detection_csv import COLUMNS as CSV_COLUMNS
from ona.config.causes import cause_rules
from ooda.config import loss_function, trends
from ooda.config.categories import categories_config
from ooda.diagnose.coming import energy_of
from ooda.diagnose.findings import DATA_CAUSES, findings_of, group, rank_score, risk_class
from ooda.diagnose.risk import energy_at_risk
from ooda.diagnose.signatures import SIGNATURES
from ooda.diagnose.trends import trend
from tests.builders.assets import make_asset
from tests.builders.detection import between, diagnose, judge, week
from tests.builders.telemetry import DAY, NOW, sunny_day


def causes(day: pd.DataFrame) -> list[str]:
    return [finding.subcategory for finding in diagnose(day)]


half_of_100_kwh_a_day = partial(
    energy_at_risk,
    daily_expected_kwh=[100.0],
    loss_share=0.5,
    residual_shares=[],
    growth_percent_per_day=0.0,
    tariff_usd_per_kwh=0.2,
    lost_so_far_kwh=0,
)
"""Energy at Risk of an asset that loses half of the 100 kWh expected each day, at 0.20 USD a kWh."""


def test_a_dead_inverter_is_a_component_failure_for_all_of_tomorrow() -> None:
    day = sunny_day()
    day.loc[between(day, "09:00", "23:00"), "power_kw"] = 0.0
    finding = diagnose(day)[0]
    assert (finding.category, finding.subcategory) == ("OEM Fault", "component_failure")
    assert finding.risk_class == "critical"
    whole_day = sunny_day()["power_kw"].sum() / 4
    assert finding.energy_at_risk.daily_loss_kwh == pytest.approx(whole_day, rel=0.05)
    assert finding.energy_at_risk.daily_loss_usd == pytest.approx(whole_day * 0.2, rel=0.05)


def test_a_stop_that_ended_by_itself_is_an_intermittent_fault() -> None:
    day = sunny_day()
    day.loc[between(day, "08:00", "10:00"), "power_kw"] = 0.0
    finding = diagnose(day)[0]
    assert finding.subcategory == "intermittent_fault"
    lost = finding.energy_at_risk.lost_so_far_kwh
    assert finding.energy_at_risk.daily_loss_kwh == pytest.approx(0.3 * lost, rel=0.1)


def test_each_signature_names_its_cause() -> None:
    strings = sunny_day()
    strings["power_kw"] *= 0.65
    assert causes(strings) == ["connector_corrosion"]

    limited = sunny_day()
    limited["power_kw"] = limited["power_kw"].clip(upper=40.0)
    assert causes(limited) == ["wrong_setpoint"]

    hot = sunny_day()
    load = hot["power_kw"] / 100
    hot["temperature_c"] += 45 * load
    hot["power_kw"] *= (1 - 0.03 * (hot["temperature_c"] - 55).clip(lower=0)).clip(lower=0.2)
    assert causes(hot) == ["inverter_overtemp"]

    no_volts = sunny_day()
    no_volts.loc[between(no_volts, "08:00", "23:00"), ["power_kw", "voltage_v"]] = [0.0, 10.0]
    assert causes(no_volts) == ["dc_bus_fault"]

    again = sunny_day()
    for hour in ("07", "08", "09", "10", "11"):
        again.loc[between(again, f"{hour}:00", f"{hour}:45"), "power_kw"] = 0.0
    assert causes(again) == ["intermittent_fault"]


def test_a_whole_site_down_is_one_fault_of_the_site() -> None:
    fleet = pd.concat([sunny_day(f"INV-{n:03d}") for n in range(1, 7)])
    fleet.loc[between(fleet, "09:00", "11:00"), "power_kw"] = 0.0
    history = pd.concat([week(f"INV-{n:03d}") for n in range(1, 7)])
    keys = set()
    for name, detection in judge(fleet, history=history).items():
        findings = findings_of(
            detection,
            make_asset(name),
            now=NOW,
            causes=cause_rules(),
            limits=loss_function.loss_function_config().thresholds,
        )
        assert "all machines of the site" in findings[0].reasons[0]
        keys |= {finding.finding_key for finding in findings}
    assert keys == {"site:site#site_outage#unknown_pattern"}


def test_a_fault_that_fits_no_signature_is_unknown() -> None:
    day = sunny_day()
    wild = between(day, "05:30", "14:00")
    day.loc[wild, "power_kw"] *= np.tile([0.15, 0.8, 0.4, 0.6], 20)[: wild.sum()]
    finding = diagnose(day)[0]
    assert finding.category == "Unknown Needs Further Investigation"
    assert finding.confidence <= 0.5
    assert finding.reasons


def test_every_cause_is_in_the_categories_and_has_a_rule() -> None:
    categories = categories_config()
    for rule in cause_rules().values():
        categories.require(rule.category, rule.subcategory)
    assert {signature.cause for signature in SIGNATURES} <= set(cause_rules())
    assert set(DATA_CAUSES.values()) <= set(cause_rules())


def test_findings_have_the_same_key_every_day_and_the_same_id_every_time() -> None:
    day = sunny_day()
    day["power_kw"] *= 0.65
    first, again = diagnose(day)[0], diagnose(day)[0]
    other = sunny_day(day=DAY + timedelta(days=1))
    other["power_kw"] *= 0.65
    tomorrow = diagnose(other)[0]
    assert first.finding_id == again.finding_id != tomorrow.finding_id
    assert first.finding_key == again.finding_key == tomorrow.finding_key


def test_stops_and_partial_losses_are_different_faults_and_heat_belongs_to_them() -> None:
    day = sunny_day()
    day.loc[between(day, "06:30", "08:30"), "power_kw"] *= 0.5
    day.loc[between(day, "10:00", "12:00"), "power_kw"] = 0.0
    day.loc[between(day, "10:00", "11:00"), "temperature_c"] = 80.0
    groups = group(judge(day, history=week())["INV-001"].incidents)
    kinds = [sorted({i.kind for i in members}) for members in groups]
    assert kinds == [["underperformance"], ["outage", "over_temperature"]]


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(0.8, "critical"), (0.79, "major"), (0.6, "major"), (0.4, "minor"), (0.39, "negligible")],
)
def test_risk_classes_begin_at_the_users_thresholds(severity: float, expected: str) -> None:
    assert risk_class(severity, loss_function.loss_function_config().thresholds) == expected


def test_rank_falls_with_age_and_rises_with_severity_and_number() -> None:
    fresh = rank_score(0.7, 1, NOW, NOW)
    assert fresh > rank_score(0.7, 1, NOW - timedelta(days=3), NOW)
    assert fresh < rank_score(0.7, 3, NOW, NOW)
    assert fresh < rank_score(0.9, 1, NOW, NOW)


def test_the_trend_needs_six_days_and_gives_the_direction() -> None:
    detection = judge(sunny_day(), history=week())["INV-001"]
    days = [600.0] * 8
    declining = detection.model_copy(
        update={"daily_expected_kwh": days, "daily_measured_kwh": [600.0] * 5 + [520.0] * 3}
    )
    assert trend(declining, None, make_asset(), NOW, trends.trend_rules()).performance_trend == "declining"
    few = detection.model_copy(update={"daily_expected_kwh": days[:3], "daily_measured_kwh": days[:3]})
    assert trend(few, None, make_asset(), NOW, trends.trend_rules()).performance_trend == "unknown"


@given(
    days=st.lists(st.floats(1, 5000), min_size=1, max_size=20),
    share=st.floats(0, 1),
    growth=st.floats(0, 5),
    noise=st.lists(st.floats(-0.1, 0.1), max_size=20),
)
@settings(max_examples=40, deadline=None)
def test_risk_grows_with_the_horizon_and_lies_in_its_interval(
    days: list[float], share: float, growth: float, noise: list[float]
) -> None:
    at_risk = partial(
        energy_at_risk,
        daily_expected_kwh=days,
        loss_share=share,
        residual_shares=noise,
        growth_percent_per_day=growth,
        tariff_usd_per_kwh=0.1,
        lost_so_far_kwh=5,
    )
    risk = at_risk()
    assert [h.hours for h in risk.horizons] == [24, 72, 168]
    losses = [h.loss_kwh for h in risk.horizons]
    assert losses == sorted(losses)
    assert losses[2] <= 7 * max(days) + 0.005 + 1e-6  # told to a hundredth
    for horizon in risk.horizons:
        interval = horizon.confidence_interval
        assert 0 <= interval.lower <= horizon.loss_kwh <= interval.upper
    assert risk == at_risk(), "the same every time"


def test_without_growth_a_week_costs_seven_days() -> None:
    risk = half_of_100_kwh_a_day()
    assert [h.loss_usd for h in risk.horizons] == [10.0, 30.0, 70.0]


def test_a_forecast_of_the_coming_days_is_taken_where_there_is_one() -> None:
    rows = [f"2026-01-02T{h:02d}:00:00Z,INV-1,{10.0 if 6 <= h < 18 else 0.0},20,,," for h in range(24)]
    head = ",".join(CSV_COLUMNS)
    text = "\n".join([head, *rows, "2026-01-02T23:30:00Z,INV-1,much,,,,"])
    assert energy_of(text, "INV-1") == pytest.approx(120.0)
    assert energy_of(text, "INV-2") is None
    assert energy_of("\n".join([head, *rows[:12]]), "INV-1") is None
    assert energy_of("", "INV-1") is None
    risk = half_of_100_kwh_a_day(coming_kwh=[200.0, None, 40.0])
    assert [h.loss_kwh for h in risk.horizons] == [100.0, 170.0, 370.0]
    assert risk.forecast_days == 2
