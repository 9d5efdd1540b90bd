"""Frames as Parquet in memory, by fastparquet's own interface.

pyarrow is too large for a function that has SciPy too, and pandas' `engine="fastparquet"` is deprecated
(`docs/decisions/0004-analytics-layer.md`).

>>> frame = pd.DataFrame({"timestamp": pd.to_datetime(["2025-06-10T08:00Z"]), "power_kw": [5.5]})
>>> load(dump(frame)).equals(frame)
True
"""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import Any

import pandas as pd

from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidPayload
from ona.runtime.words import counted
from ona.store import parquet_frame
from ona.store.s3 import read_bytes, write_bytes

MEDIA_TYPE = "application/vnd.apache.parquet"
"""As the IANA has registered it."""
_MARK = b"PAR1"
"""What a Parquet file begins and ends with."""
_SMALLEST = 12
"""Bytes of the two marks and of the footer's length between them."""

_NAMES = ("asset_id", "site_id")
"""Columns that hold names."""


class _StaysOpen(io.BytesIO):
    """A buffer that fastparquet cannot close: its bytes are read after fastparquet has written them."""

    def close(self) -> None:
        """Do nothing."""


def dump(frame: pd.DataFrame) -> bytes:
    """The bytes of a frame as one Parquet file, compressed by Snappy; the frame's index is left out."""
    import fastparquet

    buffer = _StaysOpen()

    def opened(_path: Any, _mode: Any = "wb") -> _StaysOpen:
        return buffer

    fastparquet.write(
        "memory.parquet",
        frame.reset_index(drop=True),
        compression="SNAPPY",
        write_index=False,
        open_with=opened,
    )
    return buffer.getvalue()


def put(bucket: str, key: str, frame: pd.DataFrame) -> S3Pointer:
    """Write a frame as one Parquet object and return its pointer. Raises DependencyBusy."""
    return write_bytes(bucket, key, dump(frame), MEDIA_TYPE)


def read(pointer: S3Pointer, columns: Collection[str] = ()) -> pd.DataFrame:
    """The frame in an object. `columns`: those that it must have, as `check_columns` wants them.

    Raises InvalidPayload, which names the object, for one that is no such file; ObjectMissing,
    DependencyBusy.
    """
    return parsed(read_bytes(pointer), f"s3://{pointer.bucket}/{pointer.key}", columns)


def parsed(body: bytes, where: str, columns: Collection[str] = ()) -> pd.DataFrame:
    """The frame in the bytes of an object, as `read` gives it. Raises InvalidPayload, which names it."""
    try:
        frame = load(body)
    except Exception as error:  # whatever fastparquet says of bytes that are none of its own
        raise InvalidPayload(f"{where} is no Parquet file: {type(error).__name__}: {error}") from error
    check_columns(frame, columns, where)
    return frame


def check_columns(frame: pd.DataFrame, columns: Collection[str], where: str) -> None:
    """Whether the frame of an object has these columns: a `timestamp` of times, `asset_id` and `site_id` of
    any values, any other of numbers. Raises InvalidPayload, which names the object."""
    missing = [name for name in columns if name not in frame]
    if missing:
        raise InvalidPayload(f"{where} has no column {', '.join(missing)}")
    wrong = [name for name in columns if not _fits(name, frame[name])]
    if wrong:
        raise InvalidPayload(f"{where} has other values in column {', '.join(wrong)}")


def _fits(name: str, values: pd.Series) -> bool:
    if name == "timestamp":
        return isinstance(values.dtype, pd.DatetimeTZDtype)
    return name in _NAMES or pd.api.types.is_numeric_dtype(values) or bool(values.isna().all())


def _check_ends(body: bytes) -> None:
    """Look at a file's two marks, its footer and its pages' headers. Raises ValueError.

    fastparquet looks at none of them, and a footer of other bytes ends its process (a segmentation fault).
    Source: the file layout in Parquet's documentation, https://parquet.apache.org/docs/file-format/
    """
    if len(body) < _SMALLEST or not body.startswith(_MARK) or not body.endswith(_MARK):
        raise ValueError("it neither begins nor ends as one")
    footer = int.from_bytes(body[-8:-4], "little")
    if not 0 < footer <= len(body) - _SMALLEST:
        raise ValueError(f"its footer of {counted(footer, 'byte')} does not fit into {len(body)}")
    parquet_frame.check(body, footer)


def load(body: bytes) -> pd.DataFrame:
    """The frame in a Parquet file; its times are in UTC, which the file does not say.

    Raises ValueError for what is no Parquet file, and what fastparquet raises for a damaged one.
    """
    import fastparquet

    _check_ends(body)
    frame: pd.DataFrame = fastparquet.ParquetFile(io.BytesIO(body)).to_pandas()
    for name in frame.select_dtypes("datetime"):
        frame[name] = frame[name].dt.tz_localize("UTC")
    return frame
