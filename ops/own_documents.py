"""`maintenance.json` and `travel.csv`: documents that operators write, checked and put whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from ona.documents.base import LONGEST_PROBLEM, MOST_PROBLEMS
from ona.documents.maintenance import PlannedWork
from ona.runtime.words import counted, listed, shortened
from ona.store.layout import MAINTENANCE
from ooda.layout import TRAVEL
from ooda.schedule.travel import parse_legs
from ops import crews, registry
from ops.target import OpsError, Target

NAMES = (MAINTENANCE, TRAVEL)
"""Documents of the input bucket that people write and put whole, beside `assets.json`."""
MOST_NAMED = 10
"""Machines, crews and sites that one sentence names (ours)."""
FIELDS = tuple(PlannedWork.model_fields)
EXAMPLE = (
    '{"windows": [{"asset_id": "INV-001", "start": "2025-06-10T08:00:00Z", "end": "2025-06-10T12:00:00Z"}]}'
)
_TIME = "write it like 2025-06-10T08:00:00Z, or 2025-06-10T10:00:00+02:00"


def put(target: Target, name: str, path: Path) -> tuple[str, str]:
    """Put a document in the place of the one before; what it holds, in words, and a warning or "".

    Raises OpsError or InvalidConfiguration, which say what is wrong, where, and how to mend it: nothing was
    put then.
    """
    body = path.read_bytes()
    if name == MAINTENANCE:
        told, warning = _calendar(target, body, path)
    else:
        told, warning = _ways(target, body)
    content = "application/json" if name == MAINTENANCE else "text/csv"
    target.client("s3").put_object(Bucket=target.input_bucket, Key=name, Body=body, ContentType=content)
    return told, warning


def _calendar(target: Target, body: bytes, path: Path) -> tuple[str, str]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OpsError(f"{path} is not JSON: {error}. Nothing was put") from error
    if not isinstance(document, dict) or not isinstance(document.get("windows"), list):
        raise OpsError(f"{path} needs a list `windows`, like {EXAMPLE}. Nothing was put")
    wrong = [f"the file has `{key}`, which nobody reads: remove it" for key in document if key != "windows"]
    works = []
    for number, entry in enumerate(document["windows"], 1):
        try:
            works.append(PlannedWork.model_validate(entry))
        except ValidationError as error:
            asset = entry.get("asset_id") if isinstance(entry, dict) else None
            whose = f" ({asset})" if isinstance(asset, str) and asset else ""
            wrong += [f"window {number}{whose}: {in_words(problem)}" for problem in error.errors()]
    if wrong:
        more = f"; and {len(wrong) - MOST_PROBLEMS} more" if len(wrong) > MOST_PROBLEMS else ""
        raise OpsError(f"{path}: {'; '.join(wrong[:MOST_PROBLEMS])}{more}. Nothing was put")
    known = registry.read(target)
    ids = {asset.id for asset in known.assets} if known is not None else set()
    strange = sorted({work.asset_id for work in works} - ids)
    warning = f"assets.json does not name {listed(strange, MOST_NAMED)}: of them nothing follows"
    return counted(len(works), "window"), warning if strange else ""


def in_words(problem: Mapping[str, Any]) -> str:
    """What is wrong with a field of planned work, and how to mend it. `problem`: an entry of pydantic's
    `errors()`.

    >>> in_words({"type": "missing", "loc": ("end",), "input": {}, "msg": "Field required"})
    '`end` is missing: add it'
    >>> in_words({"type": "extra_forbidden", "loc": ("shar",), "input": 1, "msg": "…"})
    '`shar` is no field of a window: is `share` meant?'
    """
    kind, given = str(problem["type"]), shortened(json.dumps(problem["input"], default=str), 60)
    if not problem["loc"]:
        if kind == "value_error":
            return f"{str(problem['msg']).removeprefix('Value error, ')}: correct the times"
        return f"{given} is no JSON object with the fields {listed(FIELDS, MOST_NAMED)}"
    name = shortened(str(problem["loc"][-1]), 60)
    if kind == "missing":
        return f"`{name}` is missing: add it"
    if kind == "extra_forbidden":
        near = get_close_matches(name, FIELDS, 1)
        mend = f"is `{near[0]}` meant?" if near else f"there are {listed(FIELDS, MOST_NAMED)}"
        return f"`{name}` is no field of a window: {mend}"
    if kind == "timezone_aware":
        return f"`{name}` {given} has no time zone: {_TIME}"
    if name in ("start", "end"):
        return f"`{name}` {given} is no time: {_TIME}"
    if name == "share":
        return f"`share` {given} is no share: a number above 0, and 1 where the machine stands"
    return f"`{name}` {given}: {shortened(str(problem['msg']), LONGEST_PROBLEM)}"


def _ways(target: Target, body: bytes) -> tuple[str, str]:
    ways = parse_legs(body)
    told = counted(len(ways), "way")
    known = _known_ends(target)
    strange = sorted({end for way in ways for end in way} - known) if known else []
    if not strange:
        return told, ""
    near = {name: get_close_matches(name, known, 1) for name in strange[:MOST_NAMED]}
    named = [f"{name} (is {near[name][0]} meant?)" if near.get(name) else name for name in strange]
    return told, (
        f"neither a crew nor a site is called {listed(named, MOST_NAMED)}: no way of theirs is used. "
        "Ends are ids of crews (crews table) and of sites (`site_id` of assets.json)"
    )


def _known_ends(target: Target) -> set[str]:
    """The ids of crews and sites; empty where nobody may look."""
    assets = registry.read(target)
    try:
        known = crews.ids(target)
    except (BotoCoreError, ClientError):
        return set()
    return known | {asset.site_id for asset in (assets.assets if assets else [])}
