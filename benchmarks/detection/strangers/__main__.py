"""`python -m benchmarks.detection.strangers [--tuning] [--quick] [--only PART] [--jobs N] [--verbose]`."""

from __future__ import annotations

import argparse
import time
import zlib
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from benchmarks.detection.strangers import cases, plants, table
from benchmarks.detection.strangers.cases import Clean, Outcome
from benchmarks.detection.strangers.recipes import Recipe, recipes
from benchmarks.detection.strangers.scene import Trouble
from benchmarks.detection.strangers.solar_faults import SOLAR
from benchmarks.detection.strangers.wind_faults import WIND
from ops.target import use_configs

PARTS = ("clean", "faults", "data", "operator", "wind", "lone")
QUICK_DAYS, QUICK_FIRST = 120, 150
"""Of a sound plant in a quick run: so many days from that day of the year."""
Job = tuple[str, str, str, int, bool]
"""What, plant, name of the trouble, strength, quick."""


def fits(recipe: Recipe, trouble: Trouble) -> bool:
    """Whether a trouble can befall a plant."""
    return recipe.kind in trouble.only and all(need in recipe.channels for need in trouble.needs)


def jobs(half: tuple[Recipe, ...], only: str | None, quick: bool) -> list[Job]:
    """All cases of a run; a quick one has each trouble once a family of plants at most."""
    out: list[Job] = []
    if only in ("wind", "lone"):
        half = tuple(r for r in half if only in r.family.split(",")[0])
    for recipe in half:
        if only in (None, "clean", "wind", "lone"):
            out.append(("clean", recipe.name, "", 0, quick))
        if only in (None, "faults", "wind", "lone"):
            for number, trouble in enumerate(t for t in (*SOLAR, *WIND) if fits(recipe, t)):
                for strength in range(len(trouble.strengths)):
                    turn = zlib.crc32(f"{recipe.name}{trouble.name}".encode())
                    if not quick or (turn % 3 == 0 and strength == number % len(trouble.strengths)):
                        out.append(("fault", recipe.name, trouble.name, strength, quick))
    return out


def work(job: Job) -> Any:
    """One case."""
    use_configs()
    what, name, trouble_name, strength, quick = job
    recipe = next(r for half in ("tuning", "reporting") for r in recipes(half) if r.name == name)  # type: ignore[arg-type]
    plant = plants.plant(recipe)
    if what == "clean":
        return cases.clean(plant, QUICK_FIRST, QUICK_DAYS) if quick else cases.clean(plant)
    trouble = next(t for t in (*SOLAR, *WIND) if t.name == trouble_name)
    return cases.fault(
        plant, trouble, strength, cases.seed_of(name, trouble_name, strength), delays=not quick
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tuning", action="store_true", help="the half to tune on, not the one to report")
    parser.add_argument("--quick", action="store_true", help="a season of each plant, a sample of troubles")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="each false incident and each wrong cause")
    asked = parser.parse_args()
    started, spent = time.perf_counter(), time.process_time()
    half = recipes("tuning" if asked.tuning else "reporting")
    todo = jobs(half, asked.only, asked.quick)
    if asked.jobs > 1:
        with ProcessPoolExecutor(asked.jobs) as pool:
            results = list(pool.map(work, todo, chunksize=4))
    else:
        results = [work(job) for job in todo]
    sound = [r for r in results if isinstance(r, Clean)]
    outcomes = [r for r in results if isinstance(r, Outcome)]
    lines = table.clean_table(sound) if sound else []
    if outcomes:
        lines += table.fault_table(outcomes) + table.cause_table(outcomes)
    print("\n".join(lines))
    if asked.verbose:
        for row in sound:
            print("\n".join(f"FALSE {line}" for line in row.detail))
        for o in outcomes:
            if o.truth and not o.right:
                print(f"WRONG {o.plant} {o.trouble} {o.strength} {o.share:.1%} -> {o.cause}: {o.detail}")
    print(
        f"\n{'tuning' if asked.tuning else 'reporting'} half, {len(todo)} cases, "
        f"{time.perf_counter() - started:.0f} s, {time.process_time() - spent:.0f} CPU s in this process"
    )


if __name__ == "__main__":
    main()
