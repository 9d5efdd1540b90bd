"""What is no Parquet file is refused before fastparquet sees it: it would end the process."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from ona.store import parquet, parquet_frame

SOUND = parquet.dump(pd.DataFrame({"power_kw": [1.0, 2.0]}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"PAR1",
        b"PAR1PAR1",
        b"[" * 20_000,
        SOUND[:-1],
        SOUND[1:],
        SOUND[: len(SOUND) // 2],
        b"PAR1" + (10_000).to_bytes(4, "little") + b"PAR1",
        b"PAR1" + (0).to_bytes(4, "little") + b"PAR1",
    ],
    ids=[
        "empty",
        "a mark",
        "two marks",
        "JSON",
        "no end",
        "no beginning",
        "half",
        "long footer",
        "no footer",
    ],
)
def test_what_is_no_parquet_file_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"it neither|its footer"):
        parquet.load(body)


def _hour(rows: int) -> pd.DataFrame:
    times = pd.date_range("2026-01-01", periods=rows, freq="15min", tz="UTC")
    kw = [float(number) for number in range(rows)]
    return pd.DataFrame({"timestamp": times, "asset_id": ["A"] * rows, "power_kw": kw, "v": float("nan")})


DAY = parquet.dump(_hour(96))
FOOTER = int.from_bytes(DAY[-8:-4], "little")
AT = len(DAY) - 8 - FOOTER
"""Where the footer begins; the first page's header is at byte 4."""


def _with(at: int, new: bytes) -> bytes:
    return DAY[:at] + new + DAY[at + len(new) :]


DAMAGED = {
    "a footer of 0xff": _with(AT, b"\xff" * FOOTER),
    "a footer of zeros": _with(AT, b"\0" * FOOTER),
    "a footer of text": _with(AT, (b"hello " * FOOTER)[:FOOTER]),
    "a footer that ends early": _with(AT + 30, b"\0" * 30),
    "a text longer than the file": _with(AT + 259, b"\x88\xff\xff\xff\x7f\x88\xff\xff"),
    "a footer's first byte": _with(AT, b"\x7f"),
    "a footer's last byte": _with(len(DAY) - 9, b"\x15"),
    "a page's header of 0xff": _with(4, b"\xff" * 40),
    "a page's header of a kind that there is not": _with(4, b"\x1f" * 12),
    "a page's header without end": _with(4, b"\x15\x80" + b"\x80" * 60),
    "structs without end": _with(AT, b"\x1c" * FOOTER),
    "lists of themselves": _with(AT, b"\x19\xfc\x7f" * (FOOTER // 3)),
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_frame_is_refused_before_fastparquet_sees_it(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    """fastparquet ends its process by these, or prints one line for ever (1.2 GB of log were seen)."""

    def sees(_file: object) -> None:
        raise AssertionError("fastparquet sees it")

    monkeypatch.setattr("fastparquet.ParquetFile", sees)
    with pytest.raises(ValueError, match=r"it|a \w+|structs"):
        parquet.load(body)


def test_no_change_of_a_few_bytes_is_followed_out_of_the_file() -> None:
    """Whatever stands in the frame: the look ends, and with nothing else than a refusal or none."""
    chance = random.Random(14)
    refused = 0
    for _ in range(2_000):
        at = chance.randrange(AT, len(DAY) - 12)
        damaged = _with(at, chance.randbytes(chance.choice([1, 4])))
        try:
            parquet_frame.check(damaged, FOOTER)
        except ValueError:
            refused += 1
    assert 0 < refused < 2_000


@pytest.mark.parametrize("rows", [0, 1, 96, 50_000])
def test_a_sound_frame_of_any_size_is_read(rows: int) -> None:
    assert len(parquet.load(parquet.dump(_hour(rows)))) == rows


def test_a_sound_file_is_read() -> None:
    assert parquet.load(SOUND)["power_kw"].tolist() == [1.0, 2.0]
