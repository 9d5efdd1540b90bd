"""The table of fault signatures: which signals tell one cause from another.

One row a cause: its name in `causes.yaml`, the kinds of incident that it can explain, the best score that
it can reach, its conditions, and the assets that can have it. A condition names a signal (a field of
`Signals` or a property of `View`), the value at which it begins to hold, the value from which on it holds
wholly, a reason for people, and a weight. `docs/diagnosis.md` explains signals and scores. Thresholds were
chosen on the tuning plants of `benchmarks/detection` (`fault_bench --tuning`).
"""

from __future__ import annotations

from ooda.diagnose.conditions import Signature, helps, needs
from ooda.documents.detections import IncidentKind

STOP: tuple[IncidentKind, ...] = ("outage",)
PART: tuple[IncidentKind, ...] = ("underperformance",)
BOTH: tuple[IncidentKind, ...] = ("outage", "underperformance")
HOT: tuple[IncidentKind, ...] = ("underperformance", "over_temperature")
HOT_OR_STOP: tuple[IncidentKind, ...] = ("underperformance", "outage", "over_temperature")
"""The kinds of incident that a signature may explain."""

# Conditions that several causes share. The numbers are where a condition begins to hold and where it holds
# wholly, in the signal's own unit (`Signals`, `View`).
_even = helps("load_slope", 0.8, 0.3, "the same share at low and high power", size=True)
_all_day = helps("hours_apart", 0.8, 0.35, "the same share in the morning, at noon and in the afternoon")
_no_growth = helps("growth", 0.10, 0.03, "at once, and steady since", size=True)
_volts_usual = helps("volts_off", 0.035, 0.015, "DC voltage as usual")
_volts_there = needs("voltage_ratio", 0.3, 0.6, weight=0.3, unknown=1.0)
_ac_dc_usual = needs("conversion_loss", 0.03, 0.015, weight=0.5, unknown=0.0)
_no_plateau = needs("plateau_share", 0.75, 0.45, weight=0.5)
_same_level = helps("plateau_slope", 0.005, 0.001, "the same one every day", 0.5, size=True)
_not_hot = needs("warmth_c", 9.0, 5.0, weight=0.3, unknown=0.0)
_cool = needs("temperature_max_c", 60.0, 56.0, weight=0.3, unknown=0.0)
_dry = needs("rain_peak_mm", 12.0, 8.0, weight=0.2, unknown=0.0)
_no_flood = needs("rain_mm", 80.0, 60.0, weight=0.2, unknown=0.0)
_calm = needs("gust_m_s", 25.0, 22.0, weight=0.2, unknown=0.0)
_stays_off = helps("returns", 0.8, 0.4, "it did not come back the same day")
_low_efficiency = needs("efficiency_ratio", 0.985, 0.965, "AC over DC power is at {:.1%} of the usual")
_high_load = helps("load_slope", 0.0, 0.4, "the loss is larger at high power")
_with_heat = helps("temperature_correlation", 0.1, 0.5, "and rises with temperature")
_grows = needs("growth", 0.012, 0.03, "the loss grows from day to day")

SIGNATURES: tuple[Signature, ...] = (
    # ---------------------------------------- explained by what is not the asset
    Signature("grid_outage", ("site_outage",), 0.9, (
        needs("always", 0.0, 1.0,
              "all machines of the site gave no power together: the grid, a feeder or a command"),)),
    Signature("curtailment", ("curtailment",), 0.95, (
        needs("neighbours_held", 0.3, 0.6, "{:.0%} of the neighbours were held at one level too"),)),
    Signature("snow", ("snow",), 0.95, (
        needs("ambient_c", 5.0, 2.0, "{:.0f} °C after snowfall"),)),

    # ---------------------------------------- stops
    Signature("dc_bus_fault", ("outage", "over_voltage"), 0.96, (
        needs("volts_left", 0.7, 0.4, "no power, and the DC voltage is at {:.0%} of its usual level"),
        _dry, _no_flood)),
    Signature("lightning_damage", STOP, 0.97, (
        needs("rain_peak_mm", 8.0, 12.0, "a thunderstorm with {:.0f} mm of rain in an hour"),
        needs("rain_mm", 80.0, 50.0, weight=0.5),
        helps("voltage_ratio", 0.7, 0.3, "the DC voltage is gone", 2.0),
        _stays_off)),
    Signature("flood_damage", STOP, 0.97, (
        needs("rain_mm", 50.0, 80.0, "{:.0f} mm of rain within a day before it stopped"),
        _stays_off)),
    Signature("isolation_fault", STOP, 0.95, (
        needs("from_dawn", 0.3, 0.7, "it does not start in the morning"),
        needs("rain_mm", 0.2, 1.5, "after {:.1f} mm of rain"),
        needs("rain_mm", 80.0, 50.0, weight=0.5),
        needs("returns", 0.3, 0.8, "and runs once it is dry"),
        _volts_there,
        helps("days", 0.0, 2.0, "days on which it came: {:.0f}")), "solar"),
    Signature("icing", BOTH, 0.9, (
        needs("air_c", 3.5, 0.5, "at {:.0f} °C"),
        helps("slope_per_day", 0.0, 0.05, "the loss grows with the ice")), "wind"),
    Signature("inverter_trip", STOP, 0.85, (
        needs("returns", 0.3, 0.8, "it came back by itself: a trip, the grid, or somebody at work; "
              "the event log tells, not a spare part"),
        needs("hours_a_day", 8.0, 5.0, "after {:.1f} h"),
        _volts_there)),
    Signature("inverter_failure", STOP, 0.9, (
        needs("hours", 0.3, 3.0, "no power for {:.1f} h of daylight"),
        needs("returns", 0.8, 0.4, "and it did not come back the same day"),
        _volts_there, _dry, _no_flood)),

    # ---------------------------------------- heat
    Signature("fan_failure", HOT_OR_STOP, 0.95, (
        needs("warmth_c", 5.0, 9.0, "the device is {:.0f} °C warmer at work than it usually is"),
        needs("temperature_max_c", 55.0, 60.0, "it reached {:.0f} °C"),
        _high_load, _with_heat), "solar"),
    Signature("overtemperature_derating", HOT, 0.9, (
        needs("temperature_max_c", 55.0, 59.0, "it reached {:.0f} °C"),
        needs("warmth_c", 10.0, 5.0, "without being warmer than its load makes it", unknown=0.0),
        needs("plateau_share", 0.8, 0.5, weight=0.3),
        _high_load, _with_heat,
        helps("ambient_c", 24.0, 32.0, "the air is at {:.0f} °C")), "solar"),
    Signature("bearing_wear", PART, 0.92, (
        needs("warmth_c", 4.0, 7.0, "it is {:.0f} °C warmer at work than it usually is"),), "wind"),

    # ---------------------------------------- held at a level
    Signature("capacity_fade", PART, 0.95, (
        needs("plateau_share", 0.45, 0.7, "power does not pass a ceiling"),
        needs("plateau_slope", -0.001, -0.004, "that comes down from day to day"),
        needs("days", 3.0, 6.0, "over {:.0f} days"))),
    Signature("wrong_setpoint", PART, 0.93, (
        needs("plateau_share", 0.5, 0.8,
              "{:.0%} of the readings that should be higher are held at one level"),
        needs("plateau_level", 0.76, 0.73, "at {:.0%} of capacity: a limit that somebody set"),
        _same_level), "solar"),
    Signature("clipping_beyond_design", PART, 0.93, (
        needs("plateau_share", 0.5, 0.8, "{:.0%} of the readings that should be higher are clipped"),
        needs("plateau_level", 0.73, 0.76, "at {:.0%} of capacity, below what the nameplate promises"),
        needs("plateau_level", 0.99, 0.96, weight=0.3),
        _same_level), "solar"),
    Signature("turbine_derating", PART, 0.95, (
        needs("plateau_share", 0.4, 0.7,
              "{:.0%} of the readings that should be higher are held at one level"),
        needs("plateau_level", 0.95, 0.9, "at {:.0%} of rated power")), "wind"),

    # ---------------------------------------- inside the inverter
    Signature("capacitor_wear", PART, 0.95, (
        _low_efficiency,
        needs("efficiency_slope", -0.01, -0.04, "and falls as the load rises"))),
    Signature("efficiency_loss", PART, 0.93, (
        _low_efficiency,
        needs("efficiency_slope", -0.035, -0.012, "at any load", unknown=0.0))),
    Signature("mppt_fault", PART, 0.94, (
        needs("voltage_ratio", 1.02, 1.05,
              "the DC voltage stands at {:.0%} of the usual: off the maximum power point"),
        helps("roughness", 0.005, 0.03, "and power hunts", 0.5),
        _ac_dc_usual), "solar"),

    # ---------------------------------------- before the inverter
    Signature("hail_damage", PART, 0.96, (
        needs("rain_peak_mm", 7.0, 11.0, "it began with {:.0f} mm of rain or hail in an hour"),
        needs("ambient_drop_c", 4.0, 7.0, "and the air cooled by {:.0f} °C"),
        _even, _no_plateau), "solar"),
    Signature("wind_damage", PART, 0.96, (
        needs("gust_m_s", 20.0, 25.0, "it began with wind of {:.0f} m/s"),
        _even, _no_plateau), "solar"),
    Signature("tracker_stuck", PART, 0.94, (
        needs("hours_apart", 0.4, 0.7, "the loss depends on the hour"),
        helps("beam_loss", 0.0, 0.08, "and on the beam: the tracker does not follow"),
        _no_plateau, _not_hot), "tracked"),
    Signature("shading", PART, 0.9, (
        needs("one_side", 2.0, 4.0, "only the morning or only the afternoon is short"),
        helps("beam_loss", 0.0, 0.06, "under a clear sky"),
        helps("same_hours", 0.2, 0.7, "at the same hours every day"),
        _no_plateau, _not_hot), "solar"),
    Signature("module_degradation", PART, 0.92, (
        _grows,
        needs("voltage_ratio", 0.995, 0.98, "and the DC voltage falls with it, to {:.1%}"),
        needs("load_slope", 1.2, 0.5, "at any power", 0.6, size=True),
        _ac_dc_usual, _no_plateau), "solar"),
    Signature("connector_wear", PART, 0.92, (
        needs("load_slope", 0.25, 0.6, "the share lost grows with the current"),
        needs("voltage_ratio", 1.0, 0.975, "and the DC voltage falls: resistance"),
        _ac_dc_usual, _no_plateau, _not_hot, _cool), "solar"),
    Signature("soiling", PART, 0.9, (
        _grows,
        needs("days", 3.0, 7.0, "over {:.0f} days"),
        needs("voltage_ratio", 0.98, 0.99, "DC voltage as usual", 0.5, unknown=1.0),
        _even, _all_day, _ac_dc_usual, _no_plateau), "solar"),
    Signature("string_loss", PART, 0.9, (
        needs("loss", 0.02, 0.05, "{:.0%} is missing"),
        needs("share_of_day", 0.3, 0.7, weight=0.5),
        needs("load_slope", 1.2, 0.4, "the same share at low and high power", size=True),
        needs("roughness_of_loss", 0.65, 0.40, weight=0.5),
        _all_day, _no_growth, _volts_usual, _ac_dc_usual, _no_plateau, _not_hot, _dry, _calm), "solar"),

    # ---------------------------------------- wind
    Signature("yaw_misalignment", PART, 0.9, (
        needs("loss_low", 0.03, 0.08, "{:.0%} is missing in light wind"),
        needs("full_load_loss", 0.5, 0.25, "and nothing at rated power", unknown=0.3),
        _not_hot, _no_plateau), "wind"),
    Signature("pitch_misalignment", PART, 0.88, (
        needs("loss_low", 0.02, 0.06, "{:.0%} is missing in light wind"),
        needs("full_load_loss", 0.3, 0.6, "and rated power is not reached"),
        _not_hot), "wind"),
)  # fmt: skip
