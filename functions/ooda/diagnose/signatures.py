"""The table of causes: how often each comes, and in which states it shows the aspects of an incident.

One row a cause: its name in `causes.yaml`; how often it comes, in 100 assets and a year; the kinds of
incident that it can explain; the assets that can have it; then, for the aspects in which it differs from
what is usual, how often it shows a state (0…1). The states that a row does not name share the rest as they
usually do; an aspect that it does not name is as usual (`aspects.py`).

The rates are round numbers after public statistics of fleets (`docs/diagnosis.md` names them); only their
ratios count. The other numbers say what the physics of a fault leads one to expect, and were mended on the
tuning plants of `benchmarks/diagnosis`. Where they are near to 1 they leave room for the fault that does
not look as it should.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ona.documents.assets import Asset
from ooda.diagnose.aspects import BY_NAME
from ooda.documents.detections import IncidentKind

STOP: tuple[IncidentKind, ...] = ("outage",)
PART: tuple[IncidentKind, ...] = ("underperformance",)
BOTH: tuple[IncidentKind, ...] = ("outage", "underperformance")
HOT: tuple[IncidentKind, ...] = ("underperformance", "over_temperature")
ORDERED = ("operation",)
LIMITED = ("curtailment",)
"""The kinds of incident that a row may explain."""
Fits = Literal["any", "solar", "tracked", "wind"]
"""The assets that can have a cause."""


@dataclass(frozen=True)
class Signature:
    """One row of the table. `rate`: times in 100 assets and a year. `shows`: by aspect, how often each of
    its states is seen with this cause (0…1, together 1). `form`: which form of the cause a row is, where
    the cause has several that look different; its probability is that of its forms together."""

    cause: str
    rate: float
    kinds: tuple[str, ...]
    fits: Fits
    form: str
    shows: Mapping[str, Mapping[str, float]]

    def can_have(self, asset: Asset) -> bool:
        """Whether the asset can have it at all."""
        if self.fits == "any":
            return True
        if self.fits == "wind":
            return asset.is_wind
        return not asset.is_wind and (self.fits == "solar" or asset.tracking != "fixed")


def shares(aspect: str, named: Mapping[str, float]) -> dict[str, float]:
    """The shares of all states of an aspect, where a row names some of them.

    >>> shares("sky", {"clear": 0.9})
    {'any': 0.1, 'clear': 0.9}
    """
    usual = BY_NAME[aspect].usual
    left = 1.0 - sum(named.values())
    others = sum(share for state, share in usual.items() if state not in named)
    if left < -1e-9 or not set(named) <= set(usual):
        raise ValueError(f"{aspect}: {named}")
    return {
        state: round(named[state] if state in named else left * share / others, 6)
        for state, share in usual.items()
    }


def _row(
    cause: str,
    rate: float,
    kinds: tuple[str, ...],
    fits: Fits = "any",
    form: str = "",
    /,
    **signs: dict[str, float],
) -> Signature:
    return Signature(
        cause, rate, kinds, fits, form, {name: shares(name, named) for name, named in signs.items()}
    )


WET, WET_AGAIN = {"wet": 0.85}, {"each": 0.7, "often": 0.2}
"""Of what comes while surfaces are wet."""
OFF_POINT = {"high": 0.2, "open": 0.04, "usual": 0.73}
"""DC voltage of an inverter that gives less than its modules could: it leaves their maximum power point
towards the open circuit, far enough to be seen where much is held back."""
DC_SIDE = {"usual": 0.998}
"""AC over DC power of what befalls the side before the inverter."""
STRUCK = frozenset({"hail_damage", "wind_damage", "lightning_damage", "flood_damage"})
"""Causes that are a storm's doing: where storms as bad are usual, machines stand them."""

SIGNATURES: tuple[Signature, ...] = (
    # ---------------------------------------- explained by what is not the asset
    _row("grid_outage", 50, ("site_outage",), "any",
         "all machines of the site gave no power together: the grid, a feeder or a command"),
    _row("grid_outage", 5, LIMITED, "any", "the grid took nothing", stands={"stands": 0.97}),
    _row("grid_frequency", 5, LIMITED, "any", "the grid took less", stands={"runs": 0.9}),
    _row("curtailment", 50, LIMITED, "any", "held at one level"),
    _row("snow", 20, ("snow",), "any", "in frost, after snowfall"),
    _row("snow", 2, PART, "solar", "as with snow on this roof only",
         snow={"snow": 0.95}, amount={"most": 0.9}, texture={"smooth": 0.997},
         lasts={"days": 0.75, "week": 0.22},
         growth={"falls": 0.45, "steady": 0.45}),
    _row("switched_off", 20, ORDERED, "any", "the site's machines were switched", stands={"stands": 0.97}),
    _row("operator_setpoint", 5, ORDERED, "any", "less power was asked for", stands={"runs": 0.97}),
    _row("planned_maintenance", 4, ORDERED, "any", "worked on as planned", stands={"stands": 0.8}),
    _row("switched_off", 20, STOP,
         neighbours={"in_turn": 0.4, "together": 0.22}, same_hours={"same": 0.25, "clock": 0.6},
         back={"back": 0.93, "on": 0.005}, dawn={"dawn": 0.1, "often": 0.02}, length={"short": 0.7},
         volts={"open": 0.35, "usual": 0.6}),

    # ---------------------------------------- stops
    _row("snow", 0.7, STOP, "solar", "as with a roof that snow has buried, beside others that it has not",
         snow={"snow": 0.95}, dawn={"dawn": 0.8}, lasts={"days": 0.75, "week": 0.22},
         volts={"low": 0.4, "gone": 0.03, "usual": 0.5}),
    _row("inverter_trip", 60, STOP,
         back={"back": 0.96, "on": 0.005}, length={"short": 0.88},
         same_hours={"same": 0.045, "clock": 0.015}, dawn={"dawn": 0.15, "often": 0.03},
         lasts={"days": 0.75, "week": 0.18}, neighbours={"together": 0.015, "in_turn": 0.015},
         volts={"open": 0.35, "usual": 0.6}),
    _row("inverter_trip", 8, PART, "any", "as with short trips, for example at a high grid voltage",
         stops={"some": 0.85}, load={"rises": 0.6}, texture={"rough": 0.7},
         volts={"high": 0.5, "open": 0.2, "usual": 0.28}),
    _row("inverter_failure", 12, STOP,
         back={"back": 0.02}, length={"long": 0.6}, dawn={"dawn": 0.3, "often": 0.05},
         volts={"open": 0.35, "usual": 0.58, "gone": 0.04},
         neighbours={"together": 0.01, "in_turn": 0.01}),
    _row("dc_bus_fault", 2, ("outage", "over_voltage"),
         volts={"gone": 0.88, "low": 0.06}, back={"back": 0.15}),
    _row("isolation_fault", 9, STOP, "solar", "", lasts={"days": 0.35, "week": 0.4},
         dawn={"dawn": 0.65, "often": 0.27}, back={"back": 0.93, "on": 0.005}, wet=WET, wet_again=WET_AGAIN,
         length={"short": 0.8}, volts={"open": 0.35, "usual": 0.6}),
    _row("isolation_fault", 6, STOP, "solar", "as with dew that dries in the morning",
         lasts={"days": 0.3, "week": 0.45},
         dawn={"dawn": 0.75, "often": 0.2}, back={"back": 0.95, "on": 0.005}, length={"short": 0.8},
         volts={"open": 0.35, "usual": 0.6}),
    _row("isolation_fault", 7, STOP, "solar", "as with water in a box: it stops when it rains",
         wet=WET, wet_again=WET_AGAIN, back={"back": 0.93, "on": 0.005}, length={"short": 0.8},
         volts={"open": 0.35, "usual": 0.6}),
    _row("isolation_fault", 2, STOP, "solar", "as with a damaged cable: it does not start again",
         back={"back": 0.1}, length={"long": 0.6}, dawn={"dawn": 0.45, "often": 0.05},
         volts={"open": 0.35, "usual": 0.58, "gone": 0.04}),
    _row("lightning_damage", 0.5, STOP,
         weather={"thunder": 0.68, "hail": 0.12, "squall": 0.1, "gale": 0.04, "gust": 0.03},
         volts={"gone": 0.8},
         back={"back": 0.05}),
    _row("flood_damage", 0.1, STOP,
         weather={"deluge": 0.93, "thunder": 0.04}, volts={"gone": 0.35, "open": 0.25},
         back={"back": 0.05}),
    _row("icing", 8, PART, "wind", "", air={"wet_frost": 0.78, "dry_frost": 0.15},
         light_wind={"short": 0.95}, rated={"reached": 0.7}, load={"falls": 0.15},
         modules={"against": 0.4},
         growth={"grows": 0.35, "steps": 0.05}, lasts={"days": 0.75, "week": 0.2}),
    _row("icing", 3, STOP, "wind", "as when the ice stops the turbine",
         air={"wet_frost": 0.78, "dry_frost": 0.15}, lasts={"days": 0.75, "week": 0.2}),

    # ---------------------------------------- heat
    _row("fan_failure", 0.5, STOP, "solar", "as when the heat stops the machine",
         warmth={"warmer": 0.92}, device={"hot": 0.92}),
    _row("overtemperature_derating", 4, STOP, "solar", "as when the heat stops the machine",
         cells={"hot": 0.83, "warm": 0.15}, hours={"noon": 0.4}, same_hours={"same": 0.35, "clock": 0.05},
         dawn={"dawn": 0.02, "often": 0.01},
         back={"back": 0.97, "on": 0.005}, length={"short": 0.9}, volts={"open": 0.35, "usual": 0.6}),
    _row("fan_failure", 6, HOT, "solar",
         warmth={"warmer": 0.92}, device={"hot": 0.92}, load={"rises": 0.6}, modules={"with": 0.6},
         hours={"noon": 0.4, "one_side": 0.12}, sky={"clear": 0.5},
         same_hours={"same": 0.35, "clock": 0.15}, growth={"steady": 0.6, "falls": 0.2},
         depth={"deep": 0.1}, volts=OFF_POINT, cells={"warm": 0.45, "hot": 0.15}),
    _row("overtemperature_derating", 12, HOT, "solar",
         modules={"with": 0.8}, cells={"warm": 0.77, "hot": 0.2}, device={"hot": 0.5}, load={"rises": 0.75},
         volts=OFF_POINT, warmth={"usual": 0.985}, growth={"steady": 0.5, "falls": 0.3},
         hours={"noon": 0.5, "one_side": 0.15, "ends": 0.02}, sky={"clear": 0.6},
         same_hours={"same": 0.35, "clock": 0.15}, depth={"deep": 0.06}),
    _row("bearing_wear", 4, HOT, "wind", warmth={"warmer": 0.93}),

    # ---------------------------------------- held at a level
    _row("capacity_fade", 2, PART,
         level={"sinking": 0.8, "ceiling": 0.1, "limit": 0.05}, growth={"grows": 0.5},
         load={"rises": 0.8}, hours={"noon": 0.5}, sky={"clear": 0.7}),
    _row("wrong_setpoint", 6, PART, "solar",
         level={"limit": 0.93, "ceiling": 0.03, "sinking": 0.01}, load={"rises": 0.8},
         hours={"noon": 0.5}, sky={"clear": 0.7}, volts=OFF_POINT),
    _row("clipping_beyond_design", 3, PART, "solar",
         level={"ceiling": 0.93, "limit": 0.02, "sinking": 0.02}, load={"rises": 0.8},
         hours={"noon": 0.5}, sky={"clear": 0.7}, volts=OFF_POINT),
    _row("turbine_derating", 5, PART, "wind",
         level={"limit": 0.5, "ceiling": 0.43, "sinking": 0.02}, load={"rises": 0.8}),

    # ---------------------------------------- inside the inverter
    _row("capacitor_wear", 2, PART, "solar",
         ac_dc={"low_at_load": 0.85, "low": 0.1}, load={"rises": 0.7}, hours={"noon": 0.3}),
    _row("efficiency_loss", 2, PART, "solar",
         ac_dc={"low": 0.85, "low_at_load": 0.1}, growth={"grows": 0.5}, onset={"slow": 0.4},
         lasts={"weeks": 0.4}),
    _row("mppt_fault", 2, PART, "solar", "", volts={"high": 0.5, "open": 0.4}, texture={"rough": 0.4},
         stops={"some": 0.005}, back={"back": 0.15}),
    _row("mppt_fault", 1, PART, "solar", "as when it keeps one voltage, or a lesser maximum",
         volts={"deep": 0.5, "low": 0.2, "high": 0.25}, held={"held": 0.8},
         stops={"some": 0.005}, back={"back": 0.3}),
    _row("mppt_fault", 0.4, PART, "solar", "as when the MPP tracker hunts up and down",
         texture={"rough": 0.85}, hours={"even": 0.85}, load={"even": 0.85}, growth={"steady": 0.9},
         lasts={"days": 0.2, "week": 0.5}, amount={"some": 0.95}),
    _row("mppt_fault", 0.7, PART, "solar", "as when one of the inverter's MPP trackers is lost",
         fraction={"exact": 0.9}, stops={"some": 0.005}, back={"back": 0.15}),

    # ---------------------------------------- before the inverter
    _row("hail_damage", 0.3, PART, "solar", weather={"hail": 0.65, "squall": 0.15, "thunder": 0.15},
         growth={"steady": 0.9, "grows": 0.05}, onset={"step": 0.97}, load={"even": 0.85},
         hours={"even": 0.86}, volts={"low": 0.4, "usual": 0.55}, back={"back": 0.15}),
    _row("wind_damage", 0.2, PART, "solar", weather={"gale": 0.7, "squall": 0.18, "gust": 0.08},
         growth={"steady": 0.9, "grows": 0.05}, onset={"step": 0.97}, load={"even": 0.85},
         hours={"even": 0.86}, volts={"low": 0.4, "usual": 0.55}, back={"back": 0.15}),
    _row("tracker_stuck", 60, PART, "tracked",
         hours={"one_side": 0.06, "slope": 0.44, "ends": 0.3, "noon": 0.12}, sky={"clear": 0.85},
         same_hours={"same": 0.42, "clock": 0.18}, growth={"grows": 0.2, "steady": 0.5},
         load={"falls": 0.25, "rises": 0.3}, ac_dc=DC_SIDE),
    _row("shading", 15, PART, "solar",
         hours={"one_side": 0.55, "slope": 0.12, "ends": 0.15, "noon": 0.06}, sky={"clear": 0.75},
         same_hours={"same": 0.49, "clock": 0.21},
         load={"rises": 0.3, "falls": 0.15}, modules={"with": 0.35}, amount={"some": 0.96},
         depth={"deep": 0.65}, ac_dc=DC_SIDE, volts={"high": 0.07, "usual": 0.84}),
    _row("module_degradation", 4, PART, "solar",
         growth={"grows": 0.75, "steps": 0.1}, onset={"slow": 0.85}, volts={"low": 0.8, "deep": 0.05},
         sag={"sags": 0.015}, load={"even": 0.86}, pace={"slow": 0.9},
         lasts={"weeks": 0.7, "week": 0.25}, ac_dc=DC_SIDE),
    _row("module_degradation", 2, PART, "solar", "as with potential-induced degradation (PID)",
         growth={"grows": 0.75, "steps": 0.1}, onset={"slow": 0.85}, volts={"low": 0.65, "deep": 0.15},
         sag={"rises": 0.3, "sags": 0.02}, pace={"slow": 0.85}, load={"falls": 0.85},
         lasts={"weeks": 0.7, "week": 0.25}, ac_dc=DC_SIDE),
    _row("module_degradation", 3, PART, "solar", "as with shorted bypass diodes",
         volts={"low": 0.65, "deep": 0.25}, sag={"sags": 0.015}, ac_dc=DC_SIDE),
    _row("connector_wear", 5, PART, "solar",
         load={"rises": 0.8}, volts={"low": 0.7, "deep": 0.05}, sag={"sags": 0.65},
         growth={"steady": 0.7, "grows": 0.2},
         hours={"noon": 0.2}, modules={"with": 0.25}, sky={"clear": 0.6}, ac_dc=DC_SIDE),
    _row("connector_wear", 0.6, PART, "solar", "as with a contact that opens when it is warm",
         load={"rises": 0.5}, hours={"noon": 0.45, "one_side": 0.05}, growth={"steady": 0.8},
         same_hours={"same": 0.5, "clock": 0.15}, sky={"clear": 0.6}, volts={"usual": 0.9},
         texture={"smooth": 0.99}, back={"back": 0.8}, lasts={"week": 0.45, "weeks": 0.2}, ac_dc=DC_SIDE),
    _row("connector_wear", 2, PART, "solar", "as the resistance of a cable or a contact grows",
         onset={"slow": 0.85}, load={"rises": 0.7}, volts={"low": 0.7, "deep": 0.05}, sag={"sags": 0.65},
         growth={"grows": 0.75, "steps": 0.1}, hours={"noon": 0.2},
         lasts={"weeks": 0.5, "week": 0.4}, sky={"clear": 0.6}, ac_dc=DC_SIDE),
    _row("soiling", 20, PART, "solar", "", onset={"slow": 0.85},
         growth={"grows": 0.6, "steps": 0.05, "falls": 0.1}, lasts={"weeks": 0.65, "week": 0.3},
         volts={"usual": 0.95}, weather={"dry": 0.85, "wet": 0.13}, rain={"cleaned": 0.6},
         pace={"slow": 0.88}, load={"even": 0.8, "rises": 0.05}, ac_dc=DC_SIDE),
    _row("string_loss", 3, PART, "solar", "as with several strings, one after the other",
         growth={"steps": 0.45, "grows": 0.4, "falls": 0.02}, onset={"step": 0.6},
         pace={"fast": 0.75}, load={"even": 0.85},
         hours={"even": 0.86, "one_side": 0.01, "slope": 0.01}, rain={"cleaned": 0.03},
         volts={"usual": 0.94}, texture={"smooth": 0.997}, back={"back": 0.15}, ac_dc=DC_SIDE),
    _row("string_loss", 15, PART, "solar", "",
         growth={"steady": 0.8, "grows": 0.04, "steps": 0.07}, load={"even": 0.85},
         hours={"even": 0.86, "one_side": 0.01, "slope": 0.01}, rain={"cleaned": 0.03},
         volts={"usual": 0.94}, texture={"smooth": 0.997}, back={"back": 0.15}, ac_dc=DC_SIDE),

    # ---------------------------------------- wind
    _row("yaw_misalignment", 8, PART, "wind",
         light_wind={"short": 0.95}, rated={"reached": 0.85}, load={"falls": 0.15}),
    _row("pitch_misalignment", 6, PART, "wind", light_wind={"short": 0.9}, rated={"short": 0.92}),
)  # fmt: skip
