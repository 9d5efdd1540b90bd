"""Writes the workflows out whole: `make asl`, and `python -m ops.asl --check` for a stale one.

A workflow is written in `statemachines/<family>/<name>.asl.yaml` and uses the retries that
`statemachines/retries.yaml` declares once. SAM uploads a definition unread, and Step Functions knows
neither YAML's aliases nor that file. So what is deployed is
`statemachines/expanded/<family>/<name>.asl.json`.

A Catch of `States.ALL` is written out twice: on AWS `States.ALL` does not match `States.DataLimitExceeded`.
Source: AWS Step Functions Developer Guide, "Handling errors in Step Functions workflows".
The correlation id is put in as well (`ops/asl_correlation.py`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from local.cloud import ROOT
from ops.asl_correlation import with_correlation

FOLDER = ROOT / "statemachines"
EXPANDED = FOLDER / "expanded"


EVERYTHING = ["States.ALL"]
TOO_LARGE = ["States.DataLimitExceeded"]
"""What a state passes on is larger than 256 KiB. Named apart: `States.ALL` must stand alone."""


def sources(folder: Path = FOLDER) -> list[Path]:
    """The workflows as people write them, by family and name."""
    return sorted(folder.glob("*/*.asl.yaml"))


def expanded(source: Path) -> dict[str, Any]:
    """A workflow's definition, with the shared retries in their places and all errors caught that can be.

    Raises yaml.YAMLError, among others for an alias that `retries.yaml` does not declare.
    """
    shared = (source.parent.parent / "retries.yaml").read_text("utf-8")
    definition: dict[str, Any] = yaml.safe_load(shared + "\n" + source.read_text("utf-8"))
    del definition["Retries"]
    complete: dict[str, Any] = with_limits_caught(definition)
    return with_correlation(complete)


def with_limits_caught(node: Any) -> Any:
    """The same, where each Catch of `States.ALL` has one of `States.DataLimitExceeded` before it.

    >>> state = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "A"}]}
    >>> [rule["ErrorEquals"] for rule in with_limits_caught(state)["Catch"]]
    [['States.DataLimitExceeded'], ['States.ALL']]
    """
    if isinstance(node, list):
        return [with_limits_caught(item) for item in node]
    if not isinstance(node, dict):
        return node
    complete = {name: with_limits_caught(value) for name, value in node.items()}
    if "Catch" in complete:
        complete["Catch"] = [
            each
            for rule in complete["Catch"]
            for each in (
                [{**rule, "ErrorEquals": TOO_LARGE}, rule] if rule["ErrorEquals"] == EVERYTHING else [rule]
            )
        ]
    return complete


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
