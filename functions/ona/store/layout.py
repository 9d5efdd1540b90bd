"""Where objects lie: how S3 keys are made and read, and the keys that two families share.

A `KeyShape` is one kind of key. It makes keys, reads them back, and says with which prefix to list them:

>>> WORK_ORDER.build(day=date(2025, 6, 10), work_order_id="wo-20250610-1f2e3d4c")
'work-orders/2025/06/10/wo-20250610-1f2e3d4c.json'
>>> WORK_ORDER.parse("work-orders/2025/06/10/wo-20250610-1f2e3d4c.json")["day"]
datetime.date(2025, 6, 10)
>>> WORK_ORDER.prefix(day=date(2025, 6, 10))
'work-orders/2025/06/10/'

Keys that one family uses stand in its own `layout.py`; a key is spelled nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from ona.runtime.clock import is_plausible


@dataclass(frozen=True)
class _Kind:
    """How a field is written and read: its pattern, and both ways between value and text."""

    pattern: str
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _read(text: str, form: str) -> datetime:
    """A time of a key. Raises ValueError for what is none, or of no plausible year."""
    when = datetime.strptime(text, form).replace(tzinfo=UTC)
    if not is_plausible(when):
        raise ValueError(f"{text} is of no plausible year")
    return when


def _day(form: str) -> _Kind:
    pattern = re.sub(r"%[mdH]", r"\\d{2}", form.replace("%Y", r"\d{4}"))

    def read(text: str) -> date:
        return _read(text, form).date()

    return _Kind(pattern, lambda value: f"{value:{form}}", read)


_KINDS = {
    "": _Kind(r"[^/]+", str, str),
    "path": _Kind(r".+", str, str),
    "folders": _day("%Y/%m/%d"),
    "dashes": _day("%Y-%m-%d"),
    "digits": _day("%Y%m%d"),
    "month": _day("%Y%m"),
    "hour": _Kind(
        r"\d{8}T\d{2}",
        lambda value: f"{value.astimezone(UTC):%Y%m%dT%H}",
        lambda text: _read(text, "%Y%m%dT%H"),
    ),
}
"""How each kind of field is written in a key; UTC."""
_FIELD = re.compile(r"\{(\w+)(?::(\w+))?\}")
"""A field of a template: its name, and its kind where it is no plain text."""


class KeyShape:
    """One kind of key, from a template such as `work-orders/{day:folders}/{work_order_id}.json`.

    A field is text without `/`; or, after a colon: `path` (text with `/`), a day as `folders` (2025/06/10),
    `dashes` (2025-06-10) or `digits` (20250610), a `month` (202506), an `hour` (20250610T13, UTC).
    """

    def __init__(self, template: str) -> None:
        self.template = template
        self.fields: dict[str, str] = dict(_FIELD.findall(template))
        pieces = _FIELD.split(template)  # text, name, kind, text, name, kind, …, text
        pattern = re.escape(pieces[0])
        for name, kind, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            pattern += f"(?P<{name}>{_KINDS[kind or ''].pattern}){re.escape(text)}"
        self._pattern = re.compile(pattern)

    def __repr__(self) -> str:
        return f"KeyShape({self.template!r})"

    def build(self, **fields: Any) -> str:
        """The key with these fields. Raises ValueError for a value that would make another kind of key."""
        key = self._written(fields, self.template)
        if self.parse(key) is None:
            raise ValueError(f"{fields} make no key of the form {self.template}: {key}")
        return key

    def parse(self, key: str) -> dict[str, Any] | None:
        """The fields of a key, days as dates; None when the key is of another kind."""
        match = self._pattern.fullmatch(key)
        if match is None:
            return None
        with suppress(ValueError):
            return {name: _KINDS[kind].read(match[name]) for name, kind in self.fields.items()}
        return None

    def prefix(self, **fields: Any) -> str:
        """With what all keys that have these fields begin: the template up to the first field not given."""
        absent = next((match for match in _FIELD.finditer(self.template) if match[1] not in fields), None)
        return self._written(fields, self.template[: absent.start()] if absent else self.template)

    def _written(self, fields: dict[str, Any], template: str) -> str:
        return _FIELD.sub(lambda match: _KINDS[match[2] or ""].write(fields[match[1]]), template)


# ------------------------------------------------------------------ input bucket

ASSETS = "assets.json"
"""The asset registry."""
MAINTENANCE = "maintenance.json"
"""The maintenance calendar (`ona.documents.maintenance`), where the operator gives one."""
OBSERVATION = KeyShape("observations/{day:folders}/{name}.csv")
"""A telemetry file for the loop."""
FORECAST_CSV = KeyShape("forecasts/{day:folders}/{asset_id}_forecast_{made:hour}.csv")
"""An asset's forecast of one day, as detection reads it; forecasting writes it."""
WEATHER_MONTH = KeyShape("weather/cache/{place_id}_{month:month}.json")
"""The weather of a past month at a place."""
WEATHER_FORECAST = KeyShape("weather/cache/{place_id}_{asked:hour}.json")
"""The weather to come at a place, as it was forecast in one hour."""
WEATHER_RECORDED = KeyShape("weather/recorded/{place_id}/{kind}.json")
"""Weather that somebody recorded, for trials without a network: kind is `history` or `forecast`."""

# ------------------------------------------------------------------ output bucket

TELEMETRY = KeyShape("telemetry/site={site_id}/day={day:dashes}/{name}.parquet")
"""Normalised telemetry of one site and UTC day."""
WORK_ORDER = KeyShape("work-orders/{day:folders}/{work_order_id}.json")
"""A work order, under the UTC day on which it was opened."""
ASSET_HISTORY = KeyShape("incidents/{site_id}/{asset_id}.json")
"""An asset's history: its days and incidents. The loop writes it; forecasting reads what stands."""
OUTCOME = KeyShape("outcomes/{file_id}.json")
"""What came of one version of one file; the state machines write it."""
SITE = KeyShape("sites/{customer_id}/{site_id}.json")
"""A site that forecasting knows (`forecasting.documents.SiteDocument`)."""
FORECAST = KeyShape("forecasts/{day:folders}/{forecast_id}.json")
"""A forecast, under the UTC day of its issue (`forecasting.documents.ForecastDocument`)."""
ACCURACY = KeyShape("accuracy/{customer_id}/{site_id}/{day:dashes}.json")
"""How good a site's forecasts of one UTC day were (`forecasting.accuracy_documents.AccuracyRecord`)."""
QUARANTINED = KeyShape("quarantine/{key:path}")
"""A rejected file; its reason lies beside it, with `.reason.json` behind the name. Where that would be
longer than S3 takes, `key` is `long-keys/<file id>.csv`; the reason names the file's own key."""

_KEY_DATE = re.compile(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})/")
"""A day in three folders of a key."""


def day_of(key: str, fallback: date) -> date:
    """The day in an observation's key (`…/YYYY/MM/DD/…`), or `fallback` where the key has no real date."""
    match = _KEY_DATE.search(key)
    if match:
        with suppress(ValueError):
            day = date(*(int(part) for part in match.groups()))
            return day if is_plausible(day) else fallback
    return fallback


def work_order_key(work_order_id: str) -> str:
    """The key of a work order's document; the day stands in the order's id.

    >>> work_order_key("wo-20250610-1f2e3d4c")
    'work-orders/2025/06/10/wo-20250610-1f2e3d4c.json'
    """
    day = datetime.strptime(work_order_id.split("-")[1], "%Y%m%d").replace(tzinfo=UTC).date()
    return WORK_ORDER.build(day=day, work_order_id=work_order_id)
