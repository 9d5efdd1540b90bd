"""Parquet in memory, by fastparquet's own interface: pyarrow does not fit beside SciPy in a function.

(pandas' `engine="fastparquet"` is deprecated; `docs/decisions/0004-analytics-layer.md`.)
"""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

from ona.documents.base import S3Pointer
from ona.store.s3 import write_bytes

MEDIA_TYPE = "application/vnd.apache.parquet"


class _KeptOpen(io.BytesIO):
    """fastparquet closes what it wrote to; the bytes are still needed."""

    def close(self) -> None:
        """Leave the buffer readable."""


def dump(frame: pd.DataFrame) -> bytes:
    """A frame as one Parquet file, snappy compressed, times as UTC."""
    import fastparquet

    buffer = _KeptOpen()

    def opened(_path: Any, _mode: Any = "wb") -> _KeptOpen:
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
    """Write a frame as one object. Raises DependencyBusy."""
    return write_bytes(bucket, key, dump(frame), MEDIA_TYPE)


def load(body: bytes) -> pd.DataFrame:
    """The frame of a Parquet file; its times carry UTC, also where the file does not say so."""
    import fastparquet

    frame: pd.DataFrame = fastparquet.ParquetFile(io.BytesIO(body)).to_pandas()
    for name in frame.select_dtypes("datetime"):
        frame[name] = frame[name].dt.tz_localize("UTC")
    return frame
