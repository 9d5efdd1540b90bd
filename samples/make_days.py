"""Make telemetry files of sound days for the inverter of `samples/assets.json`; the tutorial uses it.

    python3 samples/make_days.py 2025-02-03 5 my-days

writes five files, from 3 February 2025 on, into the folder `my-days`. Nothing has to be installed for it.
The sky is clear on all days. The same day gives the same file on every computer.
"""

from __future__ import annotations

import math
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

ASSET_ID = "INV-001"
CAPACITY_KW = 20.0
LATITUDE, LONGITUDE = -26.2041, 28.0473
"""Degrees, as in `samples/assets.json`."""
STEP = timedelta(minutes=15)
HEADER = "timestamp,asset_id,temperature_c,voltage_v,power_kw,irradiance_w_m2,wind_speed_m_s"


def sun_height(moment: datetime) -> float:
    """The sine of the sun's elevation over the horizon; negative at night.

    Declination by Cooper (1969); the equation of time is left out (it moves noon by 16 minutes at most).
    """
    declination = math.radians(23.45) * math.sin(math.tau * (284 + moment.timetuple().tm_yday) / 365)
    hour_angle = math.radians(15 * (moment.hour + moment.minute / 60 - 12) + LONGITUDE)
    latitude = math.radians(LATITUDE)
    return math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.cos(hour_angle)


def row(moment: datetime, noise: random.Random) -> str:
    """One reading of a sound inverter: PVWatts' form, 4 % losses, 1 % noise."""
    height = sun_height(moment)
    irradiance = 1000 * height if height > 0.02 else 0.0  # W/m2, on a level sensor
    temperature = 20 + 20 * irradiance / 1000 + noise.uniform(-0.5, 0.5)  # of the device, °C
    power = CAPACITY_KW * irradiance / 1000 * (1 - 0.004 * (temperature - 25)) * 0.96
    power *= noise.gauss(1, 0.01)
    voltage = 760 - 18 * irradiance / 1000 + noise.uniform(-3, 3) if irradiance else 0.0
    wind = noise.uniform(2, 4)
    return (
        f"{moment:%Y-%m-%dT%H:%M:%SZ},{ASSET_ID},{temperature:.1f},{voltage:.1f},"
        f"{power:.2f},{irradiance:.1f},{wind:.1f}"
    )


def main(first: str, count: str, folder: str) -> None:
    """Write `count` files, one a day from `first` (YYYY-MM-DD) on, into `folder`."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number in range(int(count)):
        day = datetime.fromisoformat(first).replace(tzinfo=UTC) + timedelta(days=number)
        noise = random.Random(f"{day:%Y%m%d}")
        path = Path(folder, f"{ASSET_ID}_{day:%Y%m%d}.csv")
        rows = [row(day + STEP * step, noise) for step in range(96)]
        path.write_text("\n".join([HEADER, *rows]) + "\n", "utf-8")
        print(path)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python3 samples/make_days.py FIRST-DAY COUNT FOLDER")
    main(*sys.argv[1:])
