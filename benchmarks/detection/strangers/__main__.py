"""`python -m benchmarks.detection.strangers [--tuning | --third | --held-out] [--quick] …`."""

from __future__ import annotations

import argparse
import resource
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.detection.strangers import cases, other_cases, plants, table
from benchmarks.detection.strangers.cases import Clean, Outcome, seed_of
from benchmarks.detection.strangers.cause_forms import FORMS
from benchmarks.detection.strangers.data_faults import DATA, Spoilt
from benchmarks.detection.strangers.halves import HALVES, named
from benchmarks.detection.strangers.operator import OPERATIONS
from benchmarks.detection.strangers.other_cases import DailyOutcome, DataOutcome, OperatorOutcome
from benchmarks.detection.strangers.recipes import Half, Recipe
from benchmarks.detection.strangers.scene import Trouble
from benchmarks.detection.strangers.solar_faults import SOLAR
from benchmarks.detection.strangers.wind_faults import WIND
from benchmarks.diagnosis.reliability import picture
from ops.target import use_configs

PARTS = ("clean", "faults", "causes", "data", "operator", "daily", "wind", "lone")
QUICK_DAYS, QUICK_FIRST = 120, 150
"""Of a sound plant in a quick run: so many days from that day of the year."""
QUICK_SHARE = 4
"""A quick run has one trouble of so many. Each is taken at one strength a plant, plants take turns."""
DAILY = ("ew-plane", "wind-3", "track", "lone-sensor")
"""Plants of which daily files are compared with one long file."""
FORM_PLANTS = 2
"""Each form of `cause_forms` befalls so many plants of a half, drawn by its name."""
TROUBLES = {trouble.name: trouble for trouble in (*SOLAR, *WIND, *FORMS)}
Job = tuple[str, str, str, int, bool]
"""What, plant, name of the trouble, strength, quick."""


def fits(recipe: Recipe, trouble: Trouble) -> bool:
    """Whether a trouble can befall a plant."""
    return recipe.kind in trouble.only and all(need in recipe.channels for need in trouble.needs)


def fits_data(recipe: Recipe, spoilt: Spoilt) -> bool:
    """Whether the plant has what a data trouble spoils."""
    have = {*recipe.channels, *(("sensor",) if recipe.sensor != "none" else ())}
    return recipe.kind in spoilt.only and set(spoilt.needs) <= have


def jobs(half: Sequence[Recipe], only: str | None, quick: bool) -> list[Job]:
    """All cases of a run; a quick one is a sample of them that does not change."""
    out: list[Job] = []
    if only in ("wind", "lone"):
        half = [r for r in half if only in r.family.split(",")[0]]

    def wanted(part: str) -> bool:
        return only in (None, part, "wind", "lone")

    def drawn(name: str, count: int) -> list[int]:
        turn = zlib.crc32(name.encode())
        return [] if quick and turn % QUICK_SHARE else [(turn // QUICK_SHARE) % count]

    for recipe in half:
        if wanted("clean"):
            out.append(("clean", recipe.name, "", 0, quick))
        for trouble in (t for t in (*SOLAR, *WIND) if fits(recipe, t) and wanted("faults")):
            for strength in drawn(recipe.name + trouble.name, len(trouble.strengths)):
                out.append(("faults", recipe.name, trouble.name, strength, quick))
        for spoilt in (d for d in DATA if fits_data(recipe, d) and wanted("data")):
            for strength in drawn(recipe.name + spoilt.name, len(spoilt.strengths)):
                out.append(("data", recipe.name, spoilt.name, strength, quick))
        for operation in OPERATIONS if wanted("operator") else ():
            if recipe.count >= operation.least and drawn(recipe.name + operation.name, 1):
                out.append(("operator", recipe.name, operation.name, 0, quick))
        if only == "daily" or (only is None and not quick):
            for name in ("", "string out", "pitch stuck"):
                trouble = TROUBLES.get(name)
                if recipe.name[2:] in DAILY and (trouble is None or fits(recipe, trouble)):
                    out.append(("daily", recipe.name, name, 0, quick))
    if only == "causes" or (only is None and not quick):
        out += form_jobs(half, quick)
    return out


def form_jobs(half: Sequence[Recipe], quick: bool) -> list[Job]:
    """Two plants for each form by another hand, each at a strength of its own."""
    out: list[Job] = []
    for form in FORMS:
        fit = sorted(
            (r for r in half if fits(r, form)), key=lambda r: zlib.crc32(f"{form.name} {r.name}".encode())
        )
        turn = zlib.crc32(form.name.encode())
        for number, recipe in enumerate(fit[:FORM_PLANTS]):
            out.append(("causes", recipe.name, form.name, (turn + number) % len(form.strengths), quick))
    return out


def work(job: Job) -> Any:
    """One case."""
    use_configs()
    what, name, of, strength, quick = job
    plant = plants.plant(named(name))
    seed = seed_of(name, of, strength)
    if what == "clean":
        return cases.clean(plant, QUICK_FIRST, QUICK_DAYS) if quick else cases.clean(plant)
    if what == "data":
        return other_cases.data(plant, next(d for d in DATA if d.name == of), strength, seed)
    if what == "operator":
        return other_cases.operated(plant, next(o for o in OPERATIONS if o.name == of), seed)
    trouble = TROUBLES.get(of)
    if what == "daily":
        return other_cases.daily(plant, trouble, seed)
    return (
        cases.fault(plant, trouble, strength, seed, delays=not quick and seed % 3 == 0) if trouble else None
    )


def report(results: Sequence[Any], verbose: bool) -> list[str]:
    """The table's lines."""

    def of(kind: type) -> list[Any]:
        return [r for r in results if isinstance(r, kind)]

    lines: list[str] = []
    tables: tuple[tuple[type, Any], ...] = (
        (Clean, table.clean_table),
        (Outcome, table.fault_table),
        (Outcome, table.cause_table),
        (DataOutcome, table.data_table),
        (OperatorOutcome, table.operator_table),
        (DailyOutcome, table.daily_table),
    )
    for kind, write in tables:
        if of(kind):
            lines += write(of(kind))
    if verbose:
        lines += [f"FALSE {line}" for row in of(Clean) for line in row.detail]
        lines += [
            f"WRONG {o.plant} {o.trouble} {o.strength} {o.share:.1%} -> {o.cause}: {o.detail}"
            for o in of(Outcome)
            if o.truth and not o.right
        ]
        lines += [f"DATA {o}" for o in of(DataOutcome) if o.booked or not o.told]
    return lines


def draw(results: Sequence[Any], name: str) -> Path | None:
    """The reliability diagram of the causes, `reports/detection/<name>.svg`; None without causes."""
    known = {trouble.name for trouble in (*SOLAR, *WIND)}
    outcomes = [r for r in results if isinstance(r, Outcome)]
    series = {
        "faults": table.named_answers(o for o in outcomes if o.trouble in known),
        "forms by another hand": table.named_answers(o for o in outcomes if o.trouble not in known),
    }
    series = {title: said for title, said in series.items() if said}
    if not series:
        return None
    path = Path("reports/detection") / f"{name}.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(picture(series))
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cases that are asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--tuning", action="store_true", help="the half to tune on, not the one to report")
    which.add_argument("--third", action="store_true", help="a half that was read since")
    which.add_argument("--held-out", action="store_true", help="the fourth half, kept for the end")
    parser.add_argument("--quick", action="store_true", help="a season of each plant, a sample of troubles")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--plant", default="", help="plants whose name holds this")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="each false incident and each wrong cause")
    asked = parser.parse_args(arguments)
    use_configs()
    started = time.perf_counter()
    options: tuple[Half, ...] = ("tuning", "third", "held-out")
    name: Half = next((half for half in options if getattr(asked, half.replace("-", "_"))), "reporting")
    half = [r for r in HALVES[name] if asked.plant in r.name]
    todo = jobs(half, asked.only, asked.quick)
    if asked.jobs > 1:
        with ProcessPoolExecutor(asked.jobs) as pool:
            results = list(pool.map(work, todo, chunksize=4))
    else:
        results = [work(job) for job in todo]
    print("\n".join(report(results, asked.verbose)))
    drawn = draw(results, f"reliability-{name}")
    if drawn:
        print(f"\npicture: {drawn}")
    spent = sum(
        sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(
        f"\n{name} half, {len(todo)} cases, "
        f"{sum(r is None for r in results)} of them do not fit; {time.perf_counter() - started:.0f} s, "
        f"{spent:.0f} CPU s"
    )


if __name__ == "__main__":
    main()
