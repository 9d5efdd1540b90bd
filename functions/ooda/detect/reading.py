"""Reading one file: does Detect take it, and if not, why? `ona put` asks here, too: one reason.

>>> from datetime import UTC
>>> source = S3Pointer(bucket="ona-input", key="hello.csv")
>>> now = datetime(2026, 6, 1, tzinfo=UTC)
>>> print(refusal(source, b"hello", AssetRegistry(assets=[]), now).reason)
missing_columns
"""

from __future__ import annotations

from datetime import datetime

from ona.documents.assets import AssetRegistry
from ona.documents.base import S3Pointer
from ona.runtime.errors import InvalidTelemetry
from ona.telemetry import intake
from ona.telemetry.readings import Telemetry
from ooda.detect import storage
from ooda.event_logs.headers import HEAD_BYTES, head_text, header_of
from ooda.event_logs.reading import read_log


def read(
    source: S3Pointer, registry: AssetRegistry, now: datetime, charge: bool, body: bytes | None
) -> tuple[Telemetry, str]:
    """A file's telemetry, and the source profile that it was read by. `charge`: it has a state of charge.
    `body`: the file, where it was read already. Raises InvalidTelemetry for one that fails as a whole."""
    if not charge:
        return intake.read(source, registry, now, service="detect", body=body)
    try:
        telemetry, profile = intake.read(source, registry, now, service="detect", body=body)
    except InvalidTelemetry as error:
        raise storage.unfit(error, source.key) from error
    came = {name: len(telemetry.by_asset[name]) for name in telemetry.by_asset}
    storage.require_registered(registry.assets, telemetry.quality, came, source.key)
    return telemetry, profile


def refusal(
    source: S3Pointer, body: bytes, registry: AssetRegistry, now: datetime
) -> InvalidTelemetry | None:
    """Why Detect refuses a file of this content, telemetry or an event log; None where it takes it."""
    head = head_text(body[:HEAD_BYTES])
    try:
        if header_of(head) is not None:
            read_log(body, registry, now, source.key)
        else:
            read(source, registry, now, storage.says_charge(head), body)
    except InvalidTelemetry as error:
        return error
    return None
