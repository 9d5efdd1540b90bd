"""Unzipped size of each function with its layers, as `sam build` made them; Lambda's limit is 250 MiB.

Run by `make build`. Exits with 1 when a function passes our own bar of 230 MiB.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".aws-sam" / "build"
BOOSTED = ["AnalyticsLayer", "BoostingLayer", "configs"]
LAYERS = {
    "DetectFunction": ["AnalyticsLayer", "configs"],
    "DataIngestionFunction": ["AnalyticsLayer", "configs"],
    "InterpolationServiceFunction": BOOSTED,
    "GlobalTrainingServiceFunction": BOOSTED,
    "ForecastingApiFunction": BOOSTED,
}
OTHERS = ["configs"]
BAR_MIB = 230.0


def mib(folder: Path) -> float:
    """Size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def main() -> int:
    if not BUILD.is_dir():
        print("run `make build` first")
        return 1
    print(f"{'function':<32}{'code':>9}{'layers':>9}{'MiB':>9}")
    worst = 0.0
    for folder in sorted(BUILD.glob("*Function")):
        code = mib(folder)
        layers = sum(
            mib(BUILD / name if (BUILD / name).is_dir() else ROOT / name)
            for name in LAYERS.get(folder.name, OTHERS)
        )
        worst = max(worst, code + layers)
        print(f"{folder.name:<32}{code:>9.1f}{layers:>9.1f}{code + layers:>9.1f}")
    print(f"bar {BAR_MIB:g} MiB: {'kept' if worst < BAR_MIB else 'BROKEN'}")
    return int(worst >= BAR_MIB)


if __name__ == "__main__":
    sys.exit(main())
