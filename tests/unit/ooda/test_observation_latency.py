"""ObservationLatency: from a file's arrival to its record, of files that the loop looks at as they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ooda.detect import monitoring

CAME = datetime(2026, 11, 28, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("key", "came", "seconds", "told"),
    [
        ("observations/2026/11/28/INV-1_20261128.csv", CAME, 95.5, [95_500.0]),
        ("observations/2026/11/28/INV-1_20261128.csv", CAME, -0.4, [0.0]),  # S3's clock is another
        ("observations/2026/11/28/empty.csv", None, 3, []),
        ("backfill/2024/INV-1.csv", CAME, 86_400, []),
        ("historical/c/observations/a.csv", CAME, 3, []),
    ],
)
def test_how_long_a_file_waited(
    key: str, came: datetime | None, seconds: float, told: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Any] = []
    monkeypatch.setattr(monitoring, "measure", lambda metric, value: measured.append((metric.name, value)))
    monitoring.observed(key, came, CAME + timedelta(seconds=seconds))
    assert measured == [("ObservationLatency", value) for value in told]
