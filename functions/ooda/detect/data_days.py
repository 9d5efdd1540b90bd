"""Days whose data are wrong as a whole, as all days of an asset's history together show it.

A change of the clock, the unit or the sensor is often certain only days later. So the days are asked anew
with each file, and what was concluded from a wrong day falls away: its incidents are made without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ooda.detect import clock, day_marks, energy_unit, irradiance_sensor, meter_level
from ooda.detect.anemometer import Anemometer
from ooda.detect.asset_history import name_of
from ooda.detect.day_marks import Table
from ooda.detect.irradiance_sensor import Sensor
from ooda.detect.sky import Floats, Mask
from ooda.detect.spoilt import Spoilt
from ooda.detect.track import runs
from ooda.documents.asset_history import AssetHistory, SpoiltDays

USUAL_AGAIN = 30
"""Days after which what a meter reads is what is usual, though it reads more than before (ours)."""


@dataclass(frozen=True)
class DataDays:
    """What D days say of the data.

    `shift`, (D,): by how many minutes the clock makes them late (early: below 0), 0 where it is right.
    `energy`, (D,): whether their power is the energy of an interval. `sensor`: the irradiance sensor.
    `meter`, (D,): by how much, share, the meter of power reads more than it did; 0 where it is as it was.
    `doubtful`, (D,): whether their power may be the energy of an interval, or what a loss left.
    """

    table: Table
    shift: Floats
    energy: Mask
    sensor: Sensor
    meter: Floats
    doubtful: Mask

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
        doubtful = energy_unit.doubtful_days(table) & sound
        return cls(table, shift, energy, sensor, meter, doubtful)

    def since(self, wrong: Mask, day: int) -> str:
        """The date from which a day's problem lasts, of days `wrong`, (D,)."""
        first = day
        while first > 0 and wrong[first - 1]:
            first -= 1
        return name_of(int(self.table.number[first]))

    @property
    def wholly(self) -> Mask:
        """Days whose power is wrong altogether, (D,)."""
        return (self.shift != 0.0) | self.energy

    @property
    def risen(self) -> Mask:
        """Days on which the meter reads more and that are no example, (D,): once it reads as before none of
        them is; until then a level that has lasted `USUAL_AGAIN` days is the usual one."""
        out = self.meter > 0.0
        for start, end in runs(out):
            if end == len(out):
                out[start:end] = self.table.number[start:end] - self.table.number[start] < USUAL_AGAIN
        return out

    @property
    def spoilt(self) -> Spoilt:
        """The days of which nobody learns."""
        power, light = self.wholly | self.risen, self.sensor.wrong | (self.shift != 0.0)
        return Spoilt(self.table.number[power], self.table.number[light])


def marked(history: AssetHistory) -> AssetHistory:
    """The history with the days of which it says by now that their data are wrong."""
    told = DataDays.of(day_marks.of_history(history.days))
    wholly = told.wholly
    part = np.zeros(len(wholly), dtype=bool)  # a unit changes within a day, and stays for some
    for start, end in runs(told.energy):
        if end - start >= energy_unit.FIRST_DAYS:
            part[max(0, start - 1) : end + 1] = True
    light = told.sensor.wrong | Anemometer.of(history.days, told.table, ~wholly).misleads
    names = [name_of(number) for number in told.table.number.tolist()]

    def dates(wrong: Mask) -> list[str]:
        return [names[n] for n in np.flatnonzero(wrong)]

    spoilt = SpoiltDays(
        power=dates(wholly),
        part=dates(part & ~wholly),
        meter=dates(told.risen),
        light=dates(light),
        doubtful=dates(told.doubtful),
    )
    return history.model_copy(update={"spoilt": spoilt})
