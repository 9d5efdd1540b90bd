"""Measured ways, where the user gives them: `travel.csv` in the input bucket.

Columns `from,to,minutes,km`; the ends are sites and crews (their base), by id. A way counts for both
directions unless the other is given too; what is not in the file is computed.
"""

from __future__ import annotations

import csv
import io

from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidConfiguration, ObjectMissing
from ona.store import s3
from ooda.layout import TRAVEL
from ooda.schedule.build import Leg


def read_legs(bucket: str) -> dict[tuple[str, str], Leg]:
    """All measured ways; none without the file. Raises InvalidConfiguration naming the line that is
    wrong."""
    try:
        body = s3.read_bytes(S3Pointer(bucket=bucket, key=TRAVEL))
    except ObjectMissing:
        return {}
    return parse_legs(body)


def parse_legs(body: bytes) -> dict[tuple[str, str], Leg]:
    """See `read_legs`."""
    try:
        rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise InvalidConfiguration(f"{TRAVEL}: not UTF-8 text: {error}") from error
    wanted = {"from", "to", "minutes", "km"}
    missing = wanted - set(rows.fieldnames or ())
    if missing:
        raise InvalidConfiguration(f"{TRAVEL}: no column {', '.join(sorted(missing))}")
    legs: dict[tuple[str, str], Leg] = {}
    for number, row in enumerate(rows, 2):
        try:
            minutes, km = float(row["minutes"]), float(row["km"])
        except (TypeError, ValueError):
            minutes = km = -1.0
        if not (0 <= minutes < 24 * 60 and 0 <= km < 10_000 and row["from"] and row["to"]):
            raise InvalidConfiguration(
                f"{TRAVEL}: line {number}: needs two names, minutes below 1440 and km below 10000"
            )
        legs[row["from"], row["to"]] = (minutes, km)
    return legs
