"""Days whose data are wrong as a whole, as all days of an asset's history together show it.

A change of the clock, the unit or the sensor is often certain only days later. So the days are asked anew
with each file, and what was concluded from a wrong day falls away: its incidents are made without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ooda.detect import clock, day_marks, energy_unit, irradiance_sensor, meter_level
from ooda.detect.anemometer import Anemometer
from ooda.detect.asset_history import name_of
from ooda.detect.day_marks import Table
from ooda.detect.irradiance_sensor import Sensor
from ooda.detect.sky import Floats, Mask
from ooda.detect.track import runs
from ooda.documents.asset_history import AssetHistory, HistoryDay

MEASURED = ("over_temperature", "over_voltage")
"""Kinds of episodes that follow from a channel's own limit: they stay, whatever power says."""


@dataclass(frozen=True)
class DataDays:
    """What D days say of the data.

    `shift`, (D,): by how many minutes the clock makes them late (early: below 0), 0 where it is right.
    `energy`, (D,): whether their power is the energy of an interval. `sensor`: the irradiance sensor.
    `meter`, (D,): by how much, share, the meter of power reads more than it did; 0 where it is as it was.
    """

    table: Table
    shift: Floats
    energy: Mask
    sensor: Sensor
    meter: Floats

    @classmethod
    def of(cls, table: Table) -> DataDays:
        """From the marks of days in order."""
        step = float(np.median(table.step)) if len(table) else 0.0
        shift = clock.shift_by_day(
            table.begins, table.ends, table.late, step, by_wind=bool(np.isfinite(table.of_wind).any())
        )
        energy = energy_unit.energy_days(table)
        sound = ~energy & (shift == 0.0)
        sensor, meter = irradiance_sensor.sensor_days(table, sound), meter_level.meter_days(table, sound)
        return cls(table, shift, energy, sensor, meter)

    def since(self, wrong: Mask, day: int) -> str:
        """The date from which a day's problem lasts, of days `wrong`, (D,)."""
        first = day
        while first > 0 and wrong[first - 1]:
            first -= 1
        return name_of(int(self.table.number[first]))


def trusted(history: AssetHistory) -> Mapping[str, Mapping[str, HistoryDay]]:
    """The days of a history without what wrong data made of them."""
    told = DataDays.of(day_marks.of_history(history.days))
    wholly = (told.shift != 0.0) | told.energy
    part = np.zeros(len(wholly), dtype=bool)  # a unit changes within a day, and stays for some
    for start, end in runs(told.energy):
        if end - start >= energy_unit.FIRST_DAYS:
            part[max(0, start - 1) : end + 1] = True
    by_sensor = told.sensor.wrong | Anemometer.of(history.days, told.table, ~wholly).misleads
    if not (wholly | by_sensor | part).any():
        return history.days
    names = [name_of(number) for number in told.table.number.tolist()]
    days = dict(history.days)
    for n in np.flatnonzero(wholly | by_sensor | part):
        days[names[n]] = {
            key: _without(item, bool(wholly[n]), bool(part[n]))
            for key, item in history.days[names[n]].items()
        }
    return days


def _without(item: HistoryDay, wholly: bool, part: bool) -> HistoryDay:
    """A day's record without its losses; where the sensor alone is wrong, without the partial ones that
    follow from it, and without any partial one where a `part` of the day may be."""
    if wholly:
        kept = [episode for episode in item.episodes if episode.kind in MEASURED]
        return item.model_copy(update={"episodes": kept, "weak": None, "loss": None, "judged_hours": 0.0})
    if not part and item.basis not in ("irradiance", "wind"):
        return item
    kept = [episode for episode in item.episodes if episode.kind != "underperformance"]
    return item.model_copy(update={"episodes": kept, "weak": None, "loss": None})
