"""What is no Parquet file is refused before fastparquet sees it: it would end the process."""

from __future__ import annotations

import pandas as pd
import pytest

from ona.store import parquet

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


def test_a_sound_file_is_read() -> None:
    assert parquet.load(SOUND)["power_kw"].tolist() == [1.0, 2.0]
