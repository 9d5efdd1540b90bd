"""Writes the workflows out whole: `make asl`, and `python -m ops.asl --check` for a stale one.

A workflow is written in `statemachines/<family>/<name>.asl.yaml` and uses the retries that
`statemachines/retries.yaml` declares once. SAM uploads a definition unread, and Step Functions knows
neither YAML's aliases nor that file. So what is deployed is
`statemachines/expanded/<family>/<name>.asl.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from local.cloud import ROOT

FOLDER = ROOT / "statemachines"
EXPANDED = FOLDER / "expanded"


def sources(folder: Path = FOLDER) -> list[Path]:
    """The workflows as people write them, by family and name."""
    return sorted(folder.glob("*/*.asl.yaml"))


def expanded(source: Path) -> dict[str, Any]:
    """A workflow's definition, with the shared retries in their places.

    Raises yaml.YAMLError, among others for an alias that `retries.yaml` does not declare.
    """
    shared = (source.parent.parent / "retries.yaml").read_text("utf-8")
    definition: dict[str, Any] = yaml.safe_load(shared + "\n" + source.read_text("utf-8"))
    del definition["Retries"]
    return definition


def outputs(folder: Path = FOLDER) -> dict[Path, str]:
    """What has to stand in `expanded/`: the text of each file."""
    return {
        folder / "expanded" / path.parent.name / f"{path.stem}.json": json.dumps(
            expanded(path), indent=1, ensure_ascii=False
        )
        + "\n"
        for path in sources(folder)
    }


def stale(folder: Path = FOLDER) -> list[str]:
    """Files of `expanded/` that are missing, differ from their source, or have none."""
    wanted = outputs(folder)
    there = set((folder / "expanded").rglob("*.asl.json"))
    differing = {
        path for path, text in wanted.items() if path not in there or path.read_text("utf-8") != text
    }
    return [str(path.relative_to(folder.parent)) for path in sorted(differing | (there - set(wanted)))]


def main(arguments: list[str]) -> int:
    """Write, or with --check only compare; 1 when a file is stale."""
    if arguments == ["--check"]:
        problems = stale()
        for name in problems:
            print(f"{name} is stale: run `make asl` and commit what it writes")
        return 1 if problems else 0
    wanted = outputs()
    for path in set(EXPANDED.rglob("*.asl.json")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
