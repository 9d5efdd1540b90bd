"""Numbers that stand for "no value" decide nothing about a machine that nobody registered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from ona.runtime.errors import InvalidTelemetry
from ona.telemetry import sentinels
from ona.telemetry.exports import read_export
from tests.unit.ona.test_hostile_files import PROFILE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SITE = PROFILE.site.model_copy(update={"capacity_kw": None})
KW = PROFILE.model_copy(
    update={
        "site": SITE,
        "columns": {
            **PROFILE.columns,
            "power_kw": PROFILE.columns["power_kw"].model_copy(update={"unit": "kW"}),
        },
    }
)


def sunny(top: float, rows: int = 96) -> np.ndarray:
    """A day's power, kW, with two decimals."""
    hour = np.arange(rows) * 24.0 / rows
    return np.round(top * np.clip(np.sin((hour - 6.0) / 12.0 * np.pi), 0.0, None), 2)


def with_some(day: np.ndarray, value: float, every: int = 2) -> np.ndarray:
    day = day.copy()
    day[::every] = value
    return day


def clipped(top: float, at: float) -> np.ndarray:
    return np.minimum(sunny(top), at)


SENTINELS: dict[str, np.ndarray] = {
    "32767 in half": with_some(sunny(50.0), 32767.0),
    "65535 in half": with_some(sunny(50.0), 65535.0),
    "2147483.647 in half": with_some(sunny(50.0), 2_147_483.647),
    "4294967.295 in a third": with_some(sunny(50.0), 4_294_967.295, 3),
    "131068, a quarter hour's 32767": with_some(sunny(50.0), 131_068.0),
    "9999 in half": with_some(sunny(50.0), 9999.0),
    "9999 for 2.5 MW": with_some(sunny(2500.0), 9999.0),
    "minus 9999 in half": with_some(sunny(50.0), -9999.0),
    "888 in half, which is in no list": with_some(sunny(50.0), 888.0),
    "1000000 in half": with_some(sunny(50.0), 1e6),
    "two of them": with_some(with_some(sunny(50.0), 32767.0), 65535.0, 5),
    "nine of ten": np.where(np.arange(960) % 10 == 0, sunny(50.0, 960), 65535.0),
    "once": np.concatenate(([65535.0], sunny(50.0)[1:])),
    "three of a day": with_some(sunny(50.0), 65535.0, 32),
    "by night only": np.where(sunny(50.0) > 0.0, sunny(50.0), 65535.0),
    "6553.5 beside a dead machine": with_some(np.zeros(96), 6553.5),
}
"""Readings in kW; what really came is at most 50 kW, or 2.5 MW where it says so."""


def registered(power: np.ndarray) -> Any:
    start = np.datetime64("2025-06-10T00:00")
    step = np.timedelta64(24 * 60 * len(power) // 96 // len(power), "m")
    when = [str(start + number * step) for number in range(len(power))]
    stamps = [f"{text[8:10]}.{text[5:7]}.{text[:4]} {text[11:16]}" for text in when]
    lines = [f"{time};A;{value!r};25" for time, value in zip(stamps, power.tolist(), strict=True)]
    data = "\n".join(["when;machine;P;T", *lines]).encode()
    return read_export(KW, {"x.csv": data}, now=NOW, registry=None)


@pytest.mark.parametrize("kind", SENTINELS)
def test_a_sentinel_decides_no_capacity(kind: str) -> None:
    _, registry = registered(SENTINELS[kind])
    [asset] = registry.assets
    most = 2500.0 if "MW" in kind else 50.0
    assert asset.capacity_kw <= most
    if "dead" not in kind:
        assert asset.capacity_kw > 0.9 * most


HONEST: dict[str, tuple[np.ndarray, float]] = {
    "a sunny day": (sunny(50.0), 50.0),
    "at its ceiling for hours": (clipped(80.0, 50.0), 50.0),
    "a ceiling of 32.767 kW": (clipped(80.0, 32.767), 32.767),
    "a plant of 99 999 kW at its ceiling": (clipped(150_000.0, 99_999.0), 99_999.0),
    "a plant of 100 MW": (sunny(100_000.0), 100_000.0),
    "on and off": (np.where(np.arange(96) % 8 < 4, 500.0, 0.0), 500.0),
    "on and off beside its standby": (np.where(np.arange(96) % 8 < 4, 500.0, 0.2), 500.0),
    "a dull day with one bright hour": (np.where(np.arange(96) == 50, 40.0, sunny(6.0)), 6.0),
    "a week of snow, then sun": (np.concatenate((sunny(0.5), sunny(50.0))), 50.0),
    "the same value all day": (np.full(96, 50.0), 50.0),
    "whole kilowatts": (np.round(sunny(9.0)), 9.0),
    "nothing": (np.zeros(96), 0.1),
}
"""Readings in kW, and the capacity that they show at least (nearly)."""


@pytest.mark.parametrize("kind", HONEST)
def test_what_only_looks_like_a_sentinel_is_power(kind: str) -> None:
    power, least = HONEST[kind]
    telemetry, registry = registered(power)
    [asset] = registry.assets
    assert asset.capacity_kw >= 0.98 * least
    assert len(telemetry) == len(power)


@pytest.mark.parametrize("value", [32767.0, 65535.0, -9999.0, 4_294_967.295])
def test_a_machine_of_sentinels_alone_is_not_registered(value: float) -> None:
    with pytest.raises(InvalidTelemetry, match="stands for 'no value'") as caught:
        registered(np.full(96, value))
    assert caught.value.reason == "power_kw_out_of_range"


@pytest.mark.parametrize("seed", range(5))
def test_no_day_of_a_machine_holds_a_sentinel(seed: int) -> None:
    """Clouds, noise and ceilings of any size: nothing is taken away."""
    rng = np.random.default_rng(seed)
    for _ in range(200):
        top = 10.0 ** rng.uniform(0.0, 5.5)
        clouds = np.where(rng.random(96) < rng.random(), rng.uniform(0.1, 1.0, 96), 1.0)
        day = np.minimum(
            np.round(sunny(top) * clouds, int(rng.integers(0, 4))), top * rng.uniform(0.5, 1.0)
        )
        assert len(sentinels.kept(day)) == len(day), (seed, top)
