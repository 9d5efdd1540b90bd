"""Unzipped size of each function with its layers, as `sam build` made them; Lambda's limit is 250 MiB.

Run by `make build`. Exits with 1 when a function passes our own bar of 230 MiB.
"""

from __future__ import annotations

import sys
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".aws-sam" / "build"
BAR_MIB = 230.0


def mib(folder: Path) -> float:
    """Size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def layers() -> dict[str, list[Path]]:
    """Each function's layers as folders, by its name in the built template; all have the configuration."""
    template = yaml_parse((BUILD / "template.yaml").read_text())
    return {
        name: [ROOT / "configs", *(BUILD / layer["Ref"] for layer in item["Properties"].get("Layers", []))]
        for name, item in template["Resources"].items()
        if item["Type"] == "AWS::Serverless::Function"
    }


def main() -> int:
    if not BUILD.is_dir():
        print("run `make build` first")
        return 1
    print(f"{'function':<32}{'code':>9}{'layers':>9}{'MiB':>9}")
    worst, attached = 0.0, layers()
    for folder in sorted(BUILD.glob("*Function")):
        code = mib(folder)
        more = sum(map(mib, attached[folder.name]))
        worst = max(worst, code + more)
        print(f"{folder.name:<32}{code:>9.1f}{more:>9.1f}{code + more:>9.1f}")
    print(f"bar {BAR_MIB:g} MiB: {'kept' if worst < BAR_MIB else 'BROKEN'}")
    return int(worst >= BAR_MIB)


if __name__ == "__main__":
    sys.exit(main())
