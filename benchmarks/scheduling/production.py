"""Plans of production's size at production's setting, judged by the world's own rules.

    python -m benchmarks.scheduling.production [--sizes 200x20,500x40] [--seed 1]

Each case runs in a process of its own. CPU seconds are those of building and solving; memory is the most
that the process ever held (building and both simple rules are in it). *Greedy* and *first come* are
written apart (`country_judge`); every plan is walked again there. Bounds that need more than the budget
come from `country_bounds.json`, which `--bounds 600` works out with so many CPU seconds a case.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from benchmarks.scheduling.country import SIZES, as_the_platform_sees_it, make
from benchmarks.scheduling.country_judge import Judge, Plan
from ooda.config import loss_function
from ooda.schedule.comparison import by_simple_rules
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.partition import Partition
from ooda.schedule.solver.pricing import ENOUGH, Pricing
from ooda.schedule.solver.relaxation import Relaxation
from ooda.schedule.solver.search import Search
from ooda.schedule.solver.solve import solve
from ooda.schedule.solver.tours import Tours
from ops.target import use_configs

BOUNDS = Path(__file__).with_name("country_bounds.json")


def run(
    jobs: int, crews: int, seed: int, seconds: float | None, patient: bool
) -> dict[str, float | bool | None]:
    """One case: what it costs, took and held. With `seconds`: only the bound, in so many."""
    use_configs()
    setting = loss_function.loss_function_config().solver
    world = make(jobs, crews, seed)
    begun, wall = time.process_time(), time.monotonic()
    clock = Clock(setting.cpu_seconds, 1e6 if patient else setting.wall_seconds)
    built = as_the_platform_sees_it(world)
    made = time.process_time() - begun
    if seconds is None:
        starts = list(by_simple_rules(built).values())
        result = solve(built.problem, seed=1, clock=clock, searches=setting.processes, starts=starts)
    else:
        return {"bound": bound_of(Tours(built.problem), Clock(seconds, 1e6))}
    took, wall = time.process_time() - begun - made, time.monotonic() - wall
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    plan: Plan = {}
    for tour in result.solution.tours.values():
        shift = built.problem.shifts[tour.shift]
        plan[shift.crew, date.fromordinal(shift.day)] = [
            built.works[task].finding_key for task in tour.tasks
        ]
    judge = Judge(world)
    cost = judge.cost(plan)
    if abs(cost - result.solution.cost) > 1e-3 * cost:
        raise RuntimeError(f"the platform says {result.solution.cost:.2f}, the judge {cost:.2f}")
    begun = time.process_time()
    greedy, first = judge.cost(judge.greedy()), judge.cost(judge.first_come())
    return {
        "cost": result.solution.cost,
        "judged": cost,
        "bound": result.bound,
        "optimal": result.optimal,
        "greedy": greedy,
        "first": first,
        "built_s": made,
        "took_s": took,
        "wall_s": wall,
        "rules_s": time.process_time() - begun,
        "held_gb": held,
        "left_out": len(result.solution.absent),
    }


def bound_of(tours: Tours, clock: Clock) -> float:
    """USD that no plan can cost less than: the linear relaxation over all tours, or the best bound on it
    when time is up."""
    partition = Partition(tours.problem, 1)
    partition.add(Search.start(tours.problem, 1, tours).pool.values())
    Relaxation(tours, partition).relax(clock)
    pricing, best = Pricing(tours), 0.0
    while (solved := partition.relaxed(clock)) is not None:
        value = solved.value
        priced = pricing.negative(solved.tasks, solved.days, -1e-6, clock, ENOUGH, solved.out)
        if priced is None:
            break
        if priced.whole:
            best = max(best, value + sum(priced.least))
        print(f"bound {best:.1f}, relaxation {value:.1f}, {clock.left():.0f} s left", file=sys.stderr)
        if value - best < 1e-4 * value or not partition.add(priced.tours):
            break
    return best


def main(arguments: list[str] | None = None) -> None:
    """The table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default=",".join(f"{jobs}x{crews}" for jobs, crews in SIZES[:3]))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bounds", type=float, default=None)
    parser.add_argument("--patient", action="store_true", help="no limit of real time: the machine is busy")
    parser.add_argument("--one", action="store_true", help="this process runs the case and prints JSON")
    options = parser.parse_args(arguments)
    known = json.loads(BOUNDS.read_text()) if BOUNDS.exists() else {}
    if not options.one:
        print("| jobs | crews | loss USD | gap % | greedy + % | first come + % | CPU s | wall s | GB |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for size in options.sizes.split(","):
        jobs, crews = map(int, size.split("x"))
        if options.one:
            print(json.dumps(run(jobs, crews, options.seed, options.bounds, options.patient)))
            continue
        command = [sys.executable, "-m", "benchmarks.scheduling.production", "--one", "--sizes", size]
        command += ["--seed", str(options.seed)]
        command += ["--patient"] if options.patient else []
        command += ["--bounds", str(options.bounds)] if options.bounds else []
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        name = f"{size} {options.seed}"
        if options.bounds:
            known[name] = max(known.get(name, 0.0), row["bound"] or 0.0)
            BOUNDS.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
            print(f"{size}: {known[name]:.1f} USD")
            continue
        if row["bound"] and row["bound"] > known.get(name, 0.0):
            known[name] = row["bound"]
            BOUNDS.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
        bound = known.get(name)
        gap = f"{100 * (1 - bound / row['cost']):.2f}" if bound else "—"
        greedy, first = (100 * (row[rule] / row["cost"] - 1) for rule in ("greedy", "first"))
        print(
            f"| {jobs} | {crews} | {row['cost']:.0f} | {gap} | {greedy:.1f} | {first:.1f} "
            f"| {row['built_s'] + row['took_s']:.1f} | {row['wall_s']:.1f} | {row['held_gb']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
