"""Unzipped size of each function with its layers, as `sam build` made them; Lambda's limit is 250 MiB.

Run by `make build`. Exits with 1 when a function passes our own bar of 230 MiB, when a module has no byte
code, or when nothing was built.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".aws-sam" / "build"
BAR_MIB = 230.0


def mib(folder: Path) -> float:
    """Size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def not_compiled(folder: Path) -> list[Path]:
    """Modules below a folder without byte code for the functions' Python."""
    return [
        path
        for path in sorted(folder.rglob("*.py"))
        if not (path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc").exists()
    ]


def resources(template: Path, kind: str) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Name, folder and properties of every resource of a type, in a built template and its applications."""
    for name, item in yaml_parse(template.read_text("utf-8"))["Resources"].items():
        properties = item.get("Properties", {})
        if item["Type"] == "AWS::Serverless::Application":
            yield from resources(template.parent / properties["Location"], kind)
        elif item["Type"] == kind:
            yield name, template.parent / name, properties


def parts(build: Path) -> Iterator[tuple[str, float, float]]:
    """Each built function: its name, MiB of its code, MiB of its layers."""
    template = build / "template.yaml"
    layers = {name: mib(folder) for name, folder, _ in resources(template, "AWS::Serverless::LayerVersion")}
    layers["ConfigLayer"] = mib(ROOT / "configs")
    for name, folder, properties in resources(template, "AWS::Serverless::Function"):
        # a function takes a layer by the parameter of the layer's name; all have the configuration
        attached = [layer["Ref"] for layer in properties.get("Layers", [])]
        yield name, mib(folder), sum(layers[layer] for layer in ["ConfigLayer", *attached])


def sizes(build: Path) -> dict[str, float]:
    """MiB of each built function with its layers."""
    return {name: code + more for name, code, more in parts(build)}


def main() -> int:
    """Print the table; the exit status."""
    if not BUILD.is_dir():
        print("run `make build` first")
        return 1
    print(f"{'function':<32}{'code':>9}{'layers':>9}{'MiB':>9}")
    largest = 0.0
    for name, code, more in parts(BUILD):
        largest = max(largest, code + more)
        print(f"{name:<32}{code:>9.1f}{more:>9.1f}{code + more:>9.1f}")
    kept = 0 < largest < BAR_MIB
    print(f"bar {BAR_MIB:g} MiB: {'kept' if kept else 'BROKEN'}")
    missing = not_compiled(BUILD)
    print(f"byte code: {f'MISSING, first {missing[0]}' if missing else 'all'}")
    return int(not kept or bool(missing))


if __name__ == "__main__":
    sys.exit(main())
