"""Bad input gives a clear reason; good rows are never lost; every row is accounted for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ona.runtime.errors import InvalidTelemetry
from ona.telemetry.blocks import MAX_LINE_BYTES
from ona.telemetry.canonical import read_canonical
from ona.telemetry.intervals import minutes_of, usual_step
from ona.telemetry.readings import Telemetry
from tests.builders.telemetry import DAY, NOW, sunny_day, to_csv

HEADER = "timestamp,asset_id,temperature_c,voltage_v,power_kw\n"
ROW = "2025-06-10T08:00:00Z,INV-001,30.0,750,50.0\n"


def read(data: bytes | str) -> Telemetry:
    raw = data.encode() if isinstance(data, str) else data
    return read_canonical(
        raw,
        now=NOW,
        capacity_kw=lambda name: 100.0 if name.startswith("INV-") else None,
        where="observations/x.csv",
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (b"  \n\n", "empty_file"),
        (HEADER.encode(), "no_rows"),
        ((HEADER + ROW).encode("utf-16"), "wrong_encoding"),
        (HEADER.encode() + "2025-06-10T08:00:00Z,Zürich,1,1,1\n".encode("latin-1"), "wrong_encoding"),
        (b"PK\x03\x04rest", "binary_file"),
        (b"\x1f\x8b\x08rest", "binary_file"),
        (b"time\x00stamp,a\n1,2\n", "binary_file"),
        (HEADER.encode() + b"x" * (MAX_LINE_BYTES + 10) + b"\n", "line_too_long"),
        (HEADER.replace(",power_kw", "") + "2025-06-10T08:00:00Z,INV-001,1,2\n", "missing_columns"),
        (HEADER.replace(",", ";") + ROW.replace(",", ";"), "missing_columns"),
        (HEADER.replace("voltage_v", "power_kw") + ROW, "duplicate_column"),
        (HEADER + ROW.replace("INV-001", "TURBINE-9"), "unknown_asset"),
        (HEADER + ROW.replace("50.0", "50,0"), "more_fields_than_columns"),
        (HEADER + ROW.replace("Z", ""), "timestamp_without_zone"),
        (HEADER + ROW.replace("2025-06-10T08", "yesterdayT08"), "timestamp_unreadable"),
        (HEADER + ROW.replace("2025", "2031"), "timestamp_in_the_future"),
        (HEADER + ROW.replace("2025", "1970"), "timestamp_implausible"),
        (HEADER + ROW.replace("50.0", "-30"), "negative_power"),
        (HEADER + ROW.replace("50.0", "inf"), "not_finite"),
        (HEADER + ROW.replace("30.0", "170"), "temperature_c_out_of_range"),
        (HEADER + ROW.replace("750", "9000"), "voltage_v_out_of_range"),
    ],
)
def test_a_file_that_fails_as_a_whole_says_why(data: bytes | str, reason: str) -> None:
    with pytest.raises(InvalidTelemetry) as caught:
        read(data)
    error = caught.value.as_dict()
    assert error["reason"] == reason
    assert error["message"]
    assert error["where"].startswith("observations/x.csv")
    assert error["remedy"]


def test_one_line_of_100_megabytes_is_refused_quickly() -> None:
    with pytest.raises(InvalidTelemetry, match="line_too_long"):
        read(HEADER.encode() + b"1" * 100_000_000)


def test_rows_that_fail_are_counted_and_the_others_are_kept() -> None:
    bad = [
        ROW.replace("08:00", "08:15").replace("50.0", "-30"),
        ROW.replace("08:00", "08:30").replace("INV-001", "TURBINE-9"),
        ROW.replace("08:00", "08:45").replace("50.0", "inf"),
        ROW,
        "a,b,c,d,e,f,g,h\n",
        ROW.replace("08:00:00Z", "09:00:00"),
    ]
    result = read(HEADER + ROW + "".join(bad))
    assert len(result.frame) == 1
    assert result.quality.rejected == {
        "negative_power": 1,
        "unknown_asset": 1,
        "not_finite": 1,
        "duplicate_row": 1,
        "malformed_row": 1,
        "timestamp_without_zone": 1,
    }
    assert result.quality.rows_read == 7


def test_night_consumption_is_clipped_and_flagged_deeper_negatives_rejected() -> None:
    rows = ROW.replace("50.0", "-1.9") + ROW.replace("08:00", "08:15").replace("50.0", "-2.1")
    result = read(HEADER + rows)
    assert result.frame["power_kw"].tolist() == [0.0]
    assert result.quality.flagged["night_consumption_clipped"] == 1
    assert result.quality.rejected["negative_power"] == 1


def test_nulls_and_text_in_numbers_are_flagged_not_fatal() -> None:
    result = read(HEADER + ROW + "2025-06-10T08:15:00Z,INV-001,,n/a,oops\n")
    assert len(result.frame) == 2
    assert result.quality.flagged["temperature_c_null"] == 1
    assert result.quality.flagged["power_kw_not_a_number"] == 1


def test_mixed_zones_are_one_time_line() -> None:
    result = read(HEADER + ROW + ROW.replace("08:00:00Z", "10:15:00+02:00"))
    assert result.frame["timestamp"].tolist() == [
        DAY.replace(hour=8),
        DAY.replace(hour=8, minute=15),
    ]
    assert result.quality.flagged["mixed_zones"] == 1


def test_unsorted_rows_are_sorted_and_conflicts_take_the_later_row() -> None:
    later = ROW.replace("50.0", "51.0")
    result = read(HEADER + ROW.replace("08:00", "09:00") + ROW + later)
    assert result.frame["power_kw"].tolist() == [51.0, 50.0]
    assert result.quality.flagged["unsorted_rows"] == 1
    assert result.quality.rejected == {"conflicting_duplicate": 1}


def test_a_byte_order_mark_and_spaces_do_no_harm() -> None:
    assert len(read(b"\xef\xbb\xbf" + (HEADER + ROW).replace(",", ", ").encode()).frame) == 1


def test_a_good_day_comes_through_unchanged() -> None:
    day = sunny_day()
    result = read(to_csv(day))
    assert result.quality.rejected == {}
    assert len(result.frame) == 96
    assert usual_step(minutes_of(result.frame["timestamp"])) == 15.0


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused_with_a_reason(data: bytes) -> None:
    try:
        result = read(data)
    except InvalidTelemetry as error:
        assert error.reason
    else:
        assert len(result.frame) > 0


_TIMES = st.one_of(
    st.datetimes(datetime(2025, 1, 1), datetime(2025, 6, 1)).map(lambda t: t.isoformat() + "Z"),
    st.sampled_from(["", "2025-06-10 08:00", "2025-06-10T08:00:00+02:00", "31/12/2025", "NaN"]),
)
_NUMBERS = st.one_of(
    st.floats(-10, 200, allow_nan=False).map(lambda x: f"{x:.3f}"),
    st.sampled_from(["", "nan", "inf", "-inf", "1e400", "x", "1,5"]),
)


@given(
    st.lists(
        st.tuples(_TIMES, st.sampled_from(["INV-001", "INV-002", "X", ""]), _NUMBERS, _NUMBERS, _NUMBERS),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=200, deadline=None)
def test_every_row_is_used_or_rejected_with_a_reason(rows: list[tuple[str, ...]]) -> None:
    text = HEADER + "".join(",".join(row) + "\n" for row in rows)
    try:
        result = read(text)
    except InvalidTelemetry:
        return
    assert len(result.frame) + result.quality.rows_rejected == result.quality.rows_read
    assert (result.frame["power_kw"].dropna() >= 0).all()
    assert not result.frame.duplicated(["asset_id", "timestamp"]).any()
    assert result.frame["timestamp"].max() <= NOW + timedelta(minutes=10)
    assert str(result.frame["timestamp"].dt.tz) in ("UTC", str(UTC))
