"""Frames as Parquet in memory, by fastparquet's own interface.

pyarrow is too large for a function that has SciPy too, and pandas' `engine="fastparquet"` is deprecated
(`docs/decisions/0004-analytics-layer.md`).

>>> frame = pd.DataFrame({"timestamp": pd.to_datetime(["2025-06-10T08:00Z"]), "power_kw": [5.5]})
>>> load(dump(frame)).equals(frame)
True
"""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

from ona.documents.base import S3Pointer
from ona.store.s3 import write_bytes

MEDIA_TYPE = "application/vnd.apache.parquet"
"""As the IANA has registered it."""


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


def load(body: bytes) -> pd.DataFrame:
    """The frame in a Parquet file; its times are in UTC, which the file does not say."""
    import fastparquet

    frame: pd.DataFrame = fastparquet.ParquetFile(io.BytesIO(body)).to_pandas()
    for name in frame.select_dtypes("datetime"):
        frame[name] = frame[name].dt.tz_localize("UTC")
    return frame
