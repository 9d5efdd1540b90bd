"""A large file is read by several processes as it is by one, and an error still names the right line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ona.runtime import processes
from ona.runtime.errors import InvalidTelemetry
from ona.telemetry import blocks, canonical, pieces, readings
from ona.telemetry.blocks import Source, whole_lines
from ona.telemetry.pieces import Piece, Spool
from ona.telemetry.readings import Telemetry
from tests.builders.telemetry import NOW

pytestmark = pytest.mark.skipif(processes.CPUS < 2, reason="one CPU: nothing runs side by side")

HEADER = "timestamp,asset_id,temperature_c,voltage_v,power_kw\n"


def _file(turns: bool, spoiled: dict[int, str] | None = None) -> bytes:
    """Two days of seven assets, asset by asset or taking turns, with some lines replaced."""
    rng = np.random.default_rng(3)
    rows = [
        f"2025-06-{1 + n // 96:02d}T{n % 96 // 4:02d}:{n % 4 * 15:02d}:00Z,INV-{m},"
        f"{rng.uniform(10, 60):.2f},{rng.uniform(600, 800):.1f},{rng.uniform(0, 90):.3f}\n"
        for m, n in sorted(
            ((m, n) for m in range(7) for n in range(192)), key=lambda at: at[::-1] if turns else at
        )
    ]
    for line, text in (spoiled or {}).items():
        rows[line - 2] = text
    return (HEADER + "".join(rows)).encode()


@pytest.mark.parametrize("turns", [False, True])
@pytest.mark.parametrize(
    "spoiled",
    [
        {},
        {300: "2025-06-01T00:00:00+02:00,INV-3,1,1,1\n", 900: "oops\n", 901: "a,b,c,d,e,f,g\n", 700: "\n"},
        {n: f"2025-06-01T{n // 60:02d}:{n % 60:02d}:00Z,A,,,\n" for n in range(2, 1340)},
        {2: "2025-06-02T23:45:00Z,INV-0,1,1,1\n", 1300: "2025-06-01T00:00:00Z,INV-1,1,1,1\n"},
    ],
)
def test_a_large_file_reads_the_same_in_parts(
    turns: bool, spoiled: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _file(turns, spoiled)

    def read() -> Telemetry:
        return canonical.read_canonical(
            Source.of(data), now=NOW, capacity_kw=lambda name: 100.0, where="x.csv"
        )

    whole = read()
    monkeypatch.setattr(canonical, "LARGE_BYTES", 1000)
    monkeypatch.setattr(blocks, "whole_lines", lambda chunks: whole_lines(chunks, 3000))
    for cpus, in_memory in ((2, 320 << 20), (3, 0), (8, 1600), (2, 20_000)):
        monkeypatch.setattr(canonical, "CPUS", cpus)
        monkeypatch.setattr(pieces, "IN_MEMORY", max(in_memory, 8))
        parts = read()
        assert parts.quality == whole.quality
        assert len(parts) == len(whole)
        assert parts.by_asset.span == whole.by_asset.span
        assert parts.frame.equals(whole.frame)


def test_frames_that_were_let_go_are_the_same_when_they_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = _file(True)
    monkeypatch.setattr(canonical, "LARGE_BYTES", 1000)
    monkeypatch.setattr(readings, "KEPT_READINGS", 400)  # two assets of seven
    by_asset = canonical.read_canonical(
        Source.of(data), now=NOW, capacity_kw=lambda _: 100.0, where="x.csv"
    ).by_asset
    first = {name: by_asset[name].copy() for name in by_asset}
    assert len(by_asset._frames) == 2
    assert all(by_asset[name].equals(first[name]) for name in by_asset)


@pytest.mark.parametrize("in_memory", [320 << 20, 8, 200])
def test_some_of_an_assets_readings_are_read_without_the_rest(
    in_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "IN_MEMORY", in_memory)
    monkeypatch.setattr(readings, "KEPT_READINGS", 0)
    columns, time = ("volts", "power_kw"), np.arange(0, 5000, 10)
    values = np.vstack((time * 2.0, time * 3.0))
    spool = Spool(columns=2)
    parts = [
        spool.holding(spool.put([(time[a:b], values[:, a:b])], columns)) for a, b in ((0, 7), (7, 300))
    ]
    parts.append(Piece.of(time[300:], values[:, 300:], columns))
    made = readings.ReadingsByAsset(columns, {"A": parts, "B": parts[:1]})
    ticks = made["A"]["timestamp"].array.asi8
    for begin, end in ((0, 5000), (65, 3500), (70, 71), (71, 80), (-(2**62), 2**62), (6000, 7000)):
        part = made.between("A", begin, end)
        expected = made["A"][(ticks >= begin) & (ticks < end)].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, expected)
    assert (made.count("A"), made.count("B"), made.last("A"), made.last("B")) == (500, 7, 4990, 60)


def test_some_readings_from_the_file_hold_no_more_than_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "IN_MEMORY", 8)
    columns, time = ("volts", "power_kw"), np.arange(0, 5000, 10)
    spool = Spool(columns=2)
    piece = spool.holding(spool.put([(time, np.vstack((time * 2.0, time * 3.0)))], columns))
    for begin, end, count in ((1000, 1100, 10), (-5, 0, 0), (4990, 9000, 1)):
        for values in piece.read(begin, end):
            base = values
            while isinstance(base.base, np.ndarray):
                base = base.base
            assert base.nbytes <= 3 * count * 8
            assert values.shape[-1] == count


def test_a_large_file_that_fails_says_which_line(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _file(False, {1200: "2025-06-01T00:00:00Z,INV-é,1,1,1\n"}).replace("é".encode(), b"\xe9")
    monkeypatch.setattr(canonical, "LARGE_BYTES", 1000)
    monkeypatch.setattr(blocks, "whole_lines", lambda chunks: whole_lines(chunks, 3000))
    with pytest.raises(InvalidTelemetry) as caught:
        canonical.read_canonical(Source.of(data), now=NOW, capacity_kw=lambda _: 100.0, where="x.csv")
    assert (caught.value.reason, caught.value.where) == ("wrong_encoding", "x.csv, line 1200")
