"""Several processes give what one gives, in order, and nothing fails in silence."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from ona.runtime import processes
from ona.runtime.errors import InvalidTelemetry
from ona.runtime.processes import spread
from ona.telemetry import blocks, canonical
from ona.telemetry.blocks import Source, whole_lines
from ona.telemetry.readings import Telemetry
from tests.conftest import NOW

pytestmark = pytest.mark.skipif(processes.CPUS < 2, reason="one CPU: nothing runs side by side")


def test_results_come_in_order_from_other_processes() -> None:
    done = spread(lambda n: (n * n, os.getpid()), list(range(9)), True)
    assert [value for value, _ in done] == [n * n for n in range(9)]
    assert os.getpid() not in {pid for _, pid in done}
    assert len({pid for _, pid in done}) == processes.CPUS


def test_an_error_of_the_work_is_raised_here_as_it_was() -> None:
    def work(n: int) -> int:
        if n == 3:
            raise InvalidTelemetry("no_rows", "nothing", where="x.csv", remedy="look")
        return n

    with pytest.raises(InvalidTelemetry) as caught:
        spread(work, list(range(5)), True)
    assert caught.value.as_dict() == {
        "reason": "no_rows", "message": "nothing", "where": "x.csv", "remedy": "look",
    }  # fmt: skip


def test_an_error_that_cannot_travel_is_told_in_words() -> None:
    class Odd(Exception):
        pass

    def work(_: int) -> int:
        raise Odd("here")

    with pytest.raises(RuntimeError, match="Odd\\('here'\\)"):
        spread(work, [1, 2], True)


def test_a_process_that_is_killed_is_no_silence() -> None:
    def work(n: int) -> int:
        if n == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    with pytest.raises(ChildProcessError, match="-9"):
        spread(work, list(range(4)), True)


HEADER = "timestamp,asset_id,temperature_c,voltage_v,power_kw\n"


def _file(turns: bool, spoiled: dict[int, str] | None = None) -> bytes:
    """Two days of seven machines, machine by machine or taking turns, with some lines replaced."""
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
    for cpus in (2, 3, 8):
        monkeypatch.setattr(canonical, "CPUS", cpus)
        parts = read()
        assert parts.quality == whole.quality
        assert len(parts) == len(whole)
        assert parts.machines.span == whole.machines.span
        assert parts.frame.equals(whole.frame)


def test_a_large_file_that_fails_says_which_line(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _file(False, {1200: "2025-06-01T00:00:00Z,INV-é,1,1,1\n"}).replace("é".encode(), b"\xe9")
    monkeypatch.setattr(canonical, "LARGE_BYTES", 1000)
    monkeypatch.setattr(blocks, "whole_lines", lambda chunks: whole_lines(chunks, 3000))
    with pytest.raises(InvalidTelemetry) as caught:
        canonical.read_canonical(Source.of(data), now=NOW, capacity_kw=lambda _: 100.0, where="x.csv")
    assert (caught.value.reason, caught.value.where) == ("wrong_encoding", "x.csv, line 1200")
