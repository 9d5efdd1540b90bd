"""The fast reader gives what the strict reader gives, wherever a file is cut."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.runtime.errors import InvalidTelemetry
from ona.telemetry import blocks, canonical, fast_csv
from ona.telemetry.blocks import whole_lines
from ona.telemetry.readings import Telemetry
from tests.builders.telemetry import NOW, sunny_day, to_csv

NAMES = ["timestamp", "asset_id", "temperature_c", "voltage_v", "power_kw"]
HEADER = ",".join(NAMES)


def read(data: bytes, *, fast: bool = True, size: int = 1 << 20) -> Telemetry | str:
    def cut(chunks: Iterable[bytes]) -> Iterator[bytes]:
        return whole_lines(chunks, size)

    typed = fast_csv.typed if fast else (lambda *_: None)
    with mock.patch.object(blocks, "whole_lines", cut), mock.patch.object(canonical, "typed", typed):
        try:
            return canonical.read_canonical(
                data, now=NOW, capacity_kw=lambda name: None if "X" in name else 100.0, where="x.csv"
            )
        except InvalidTelemetry as error:
            return error.reason


def of_no_use(read: Telemetry) -> dict[str, list[tuple[str, int]]]:
    """By asset the readings whose power nobody can use, wherever the file was cut."""
    return {
        name: sorted((reason, int(time)) for reason, times in own for time in times)
        for name, own in read.quality.unusable.items()
    }


def assert_same(one: Telemetry | str, other: Telemetry | str) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert one.quality == other.quality
    assert of_no_use(one) == of_no_use(other)
    assert list(one.by_asset) == list(other.by_asset)
    for name, own in one.by_asset.items():
        pd.testing.assert_frame_equal(own, other.by_asset[name])


_TIMES = st.one_of(
    st.datetimes(pd.Timestamp("2025-06-01"), pd.Timestamp("2025-06-12")).map(
        lambda t: t.replace(microsecond=0).isoformat() + "Z"
    ),
    st.sampled_from(
        [
            "2025-02-30T00:00:00Z",
            "2025-06-01T24:00:00Z",
            "2025-06-01T00:00:60Z",
            "2025-06-01 00:00:00Z",
            "2025-06-01T01:00:00+00:00",
            "2025-06-01T01:00:00+02:00",
            "2025-06-01T00:00:00.5Z",
            "2025-W01",
            "2031-01-01T00:00:00Z",
            "1999-01-01T00:00:00Z",
            "2025-06-01T00:00:00",
            "",
            " 2025-06-01T00:00:00Z",
            '"2025-06-01T00:00:00Z"',
        ]
    ),
)
_ASSETS = st.sampled_from(
    [
        "INV-1",
        "INV-2",
        "X",
        "",
        "NaN",
        "a-name-of-more-than-eight-letters",
        "a-name-of-more-than-eight-other",
        "007",
        "7",
        "1e3",
        "true",
        "Zürich",
        "INV-1 ",
        '"INV-1"',
        "8letters",
        "8letter2",
        "sixty-four-letters-and-more-are-more-than-the-quick-way-looks-through",
    ]
)
_NUMBERS = st.one_of(
    st.floats(-3, 120).map(lambda x: f"{x:.3f}"),
    st.sampled_from(
        ["", "NA", "nan", "inf", "-inf", "1e400", "x", "True", "1,5", " 4", "4 ", "0x10", "1_0", "+5"]
    ),
)
_LINES = st.one_of(
    st.tuples(_TIMES, _ASSETS, _NUMBERS, _NUMBERS, _NUMBERS).map(",".join),
    st.sampled_from(["", "  ", ",,,,", "a,b", "\t"]),
)


@given(st.lists(_LINES, min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=400, deadline=None)
def test_odd_files_read_the_same_by_both_readers(lines: list[str], end: str, last: bool) -> None:
    data = (end.join([HEADER, *lines]) + (end if last else "")).encode()
    assert_same(read(data), read(data, fast=False))


_GOOD = st.tuples(
    st.integers(0, 300).map(
        lambda n: f"{pd.Timestamp('2025-06-01') + n * pd.Timedelta('5min'):%Y-%m-%dT%H:%M:%SZ}"
    ),
    st.sampled_from(["INV-1", "INV-2", "a-name-of-more-than-eight-letters", "X9"]),
    *[st.floats(-1, 90).map(lambda x: f"{x:.1f}")] * 3,
).map(",".join)


@given(st.lists(_GOOD, min_size=3, max_size=40), st.integers(60, 400))
@settings(max_examples=200, deadline=None)
def test_where_a_file_is_cut_changes_nothing(lines: list[str], size: int) -> None:
    data = "\n".join([HEADER, *lines]).encode()
    whole = read(data)
    assert_same(read(data, size=size), whole)
    assert_same(read(data, fast=False, size=size), whole)


def test_a_good_file_is_read_by_the_fast_reader() -> None:
    header, _, body = to_csv(sunny_day()).partition(b"\n")
    names = header.decode().split(",")
    rows = fast_csv.typed(body, names, ("power_kw", "temperature_c"))
    assert rows is not None
    assert (len(rows), rows.names, rows.columns) == (96, ["INV-001"], ("power_kw", "temperature_c"))
    table = pd.read_csv(io.BytesIO(to_csv(sunny_day())))
    assert np.array_equal(rows.numbers, table[["power_kw", "temperature_c"]].to_numpy().T, equal_nan=True)
    assert (rows.time == pd.to_datetime(table["timestamp"]).dt.as_unit("us").astype("int64")).all()


@pytest.mark.parametrize("zone", ["Z", "+00:00"])
@pytest.mark.parametrize("between", ["T", " "])
def test_the_fast_reader_takes_each_way_of_writing_utc(zone: str, between: str) -> None:
    line = f"2025-06-01{between}08:00:00{zone},INV-1,20,700,5\n".encode()
    rows = fast_csv.typed(line * 3, NAMES, ("power_kw",))
    assert rows is not None
    assert rows.time.tolist() == [pd.Timestamp("2025-06-01T08:00Z").timestamp() * 1e6] * 3


def test_a_fault_in_a_late_block_says_which_line() -> None:
    good = "2025-06-01T08:00:00Z,INV-1,20,700,5\n"
    data = (HEADER + "\n" + good * 200).encode() + b"2025-06-01T08:00:00Z,\xff,1,1,1\n" + good.encode() * 50
    with (
        mock.patch.object(blocks, "whole_lines", lambda chunks: whole_lines(chunks, 1000)),
        pytest.raises(InvalidTelemetry) as caught,
    ):
        canonical.read_canonical(data, now=NOW, capacity_kw=lambda _: 100.0, where="x.csv")
    assert caught.value.where == "x.csv, line 202"


def test_an_asset_whose_id_is_a_number_keeps_its_zeros() -> None:
    data = f"{HEADER}\n2025-06-01T08:00:00Z,007,20,700,5\n".encode()
    for fast in (True, False):
        telemetry = read(data, fast=fast)
        assert isinstance(telemetry, Telemetry)
        assert list(telemetry.by_asset) == ["007"]


@pytest.mark.parametrize("wrong", [b"x", b"9", b"-", b":", b"Z", b",", b" ", b"\n", b"\r", b"\xc3"])
def test_the_fast_reader_misses_no_wrong_byte(wrong: bytes) -> None:
    line = b"2025-06-01T08:00:00Z,INV-1-of-nine,20.5,700,5\n"
    for at in range(len(line)):
        data = HEADER.encode() + b"\n" + line + line.replace(b"08:", b"09:")[:at] + wrong
        data += line.replace(b"08:", b"09:")[at + 1 :] + line.replace(b"08:", b"10:")
        assert_same(read(data), read(data, fast=False))


def test_a_field_too_many_and_one_too_few_do_not_make_up_for_each_other() -> None:
    good = "2025-06-01T08:00:00Z,INV-1,20,700,5\n"
    for long, short in ((good[:-1] + ",6\n", good.replace(",5", "")), ("a,b,c,d,e,f\n", "a,b,c,d\n")):
        for lines in ((good, long, short), (short, good, long), (long, short, good)):
            data = f"{HEADER}\n{''.join(lines)}".encode()
            assert_same(read(data), read(data, fast=False))
