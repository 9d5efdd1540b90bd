"""docs/sources.md names every key of a source profile, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from ona.config.sources import SourceProfile
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "sources.md").read_text("utf-8")
ROW = re.compile(r"^\| (\*\*)?`([a-z_.*]+)`(?:\*\*)? \| [^|]+ \| ([^|]*)\|$", re.MULTILINE)
"""A row of the page's table: required or not, the key, the default."""


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Every key below a model and whether it must be given; `*` stands for any key of a mapping."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}", field.is_required()
        yield from _below(field.annotation, f"{prefix}{name}.")


def _below(annotation: Any, prefix: str) -> Iterator[tuple[str, bool]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from keys(annotation, prefix)
    for inner in get_args(annotation):
        yield from _below(inner, f"{prefix}*." if get_origin(annotation) is dict else prefix)


def test_the_page_has_every_key_of_the_models_and_no_other() -> None:
    section = PAGE.partition("## All keys")[2].partition("\n## ")[0]
    written = {key: bool(bold) for bold, key, _ in ROW.findall(section)}
    assert written == dict(keys(SourceProfile))
    assert {"site.customer_id", "columns.*.unit", "joins.columns.*.quantity"} <= set(written)


def test_the_quotes_of_the_page_are_needed() -> None:
    assert '`{column: "Pac [W]", unit: W}`' in PAGE
    assert yaml.safe_load('{column: "Pac [W]", unit: W}') == {"column": "Pac [W]", "unit": "W"}
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load("{column: Pac [W], unit: W}")
