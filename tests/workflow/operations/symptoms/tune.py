"""What docs/operations/tune.md shows: recorded reports of a made-up law, and a copy without a trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.platform import Platform
from tests.workflow.operations.symptoms.dashboards import pictured

SIZES = (512, 1024, 1769, 2048, 3008)


def line(memory: int, took: float, more: str = "") -> str:
    return (
        f"REPORT RequestId: 1\tDuration: {took:.2f} ms\tBilled Duration: {int(took) + 1} ms\t"
        f"Memory Size: {memory} MB\tMax Memory Used: 291 MB\t{more}"
    )


def lines() -> Iterator[str]:
    """Waits 90 ms for others, computes on one processor, and is short of memory below 700 MB."""
    for memory in SIZES:
        took = 90 + 1_450_000 / min(memory, 1769) + max(0, 700 - memory) * 6
        yield line(memory, took + 900, "Init Duration: 1840.33 ms")
        yield from (line(memory, took * (1 + 0.01 * (number % 5))) for number in range(9))
        yield line(memory, took * 12)


@contextmanager
def recorded(platform: Platform) -> Iterator[None]:
    """A file of reports, in a folder that goes again."""
    with pictured(platform):
        functions = {"detect": {"memory_mb": 2048, "reports": list(lines())}}
        Path("reports.json").write_text(json.dumps({"functions": functions}), "utf-8")
        yield


@contextmanager
def measured(platform: Platform) -> Iterator[None]:
    """Nothing is brought about; afterwards everything is as it was, and no copy is left."""
    before = functions(platform)
    yield
    assert functions(platform) == before


def functions(platform: Platform) -> dict[str, Any]:
    """Each function with its settings, its versions and what its alias names."""
    client = platform.target.client("lambda")
    found = {}
    for page in client.get_paginator("list_functions").paginate():
        for item in page["Functions"]:
            name = item["FunctionName"]
            versions = client.list_versions_by_function(FunctionName=name)["Versions"]
            aliases = client.list_aliases(FunctionName=name)["Aliases"]
            found[name] = (item, versions, aliases)
    return found
