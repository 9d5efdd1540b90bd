"""`make openapi`: writes `docs/openapi.json` from the routes of all families, and the parts' schema."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from local.cloud import ROOT
from ona.api.openapi import openapi
from ona.config.parts import PartsCatalogue

OPENAPI, PARTS = ROOT / "docs" / "openapi.json", ROOT / "docs" / "parts.schema.json"


def document() -> dict[str, Any]:
    """One OpenAPI document of every `functions/<family>/<function>/api.py`, by the folders' names."""
    functions = ROOT / "functions"
    modules = [
        importlib.import_module(".".join(path.relative_to(functions).with_suffix("").parts))
        for path in sorted(functions.glob("*/*/api.py"))
    ]
    return openapi(*(module.app for module in modules))


def write(path: Path, content: dict[str, Any]) -> None:
    """One document, as it is committed."""
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    write(OPENAPI, document())
    write(PARTS, PartsCatalogue.model_json_schema())
