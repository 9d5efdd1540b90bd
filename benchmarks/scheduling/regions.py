"""Plans of a whole country by regions: what borders cost, and what each region takes.

    python -m benchmarks.scheduling.regions [--size 5000x300] [--most 1000] [--passes 2] [--seconds 20]

The regions are those of `ooda.schedule.solver.regions`. Each is built and solved in a process of its own,
as a function of a Map would be; the second pass cuts elsewhere and begins from the first one's plan. The
whole plan is walked again by `country_judge`, beside its greedy rule.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.scheduling.country import Fortnight, as_the_platform_sees_it, make
from benchmarks.scheduling.country_judge import Judge, Plan
from ooda.schedule.comparison import by_simple_rules
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.regions import CUTS, Region, regions
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.solve import solve
from ooda.schedule.solver.tours import Tours
from ops.target import use_configs

Named = list[tuple[str, int, list[str]]]
"""A plan as JSON: crew, the date's ordinal, and jobs in order."""


def owners(world: Fortnight, judge: Judge, plan: Plan) -> list[int]:
    """The crew that does each job, or the nearest that is able to."""
    number = {team.name: n for n, team in enumerate(world.crews)}
    doing = {name: number[crew] for (crew, _), names in plan.items() for name in names}
    listed = []
    for job in world.jobs:
        able = [n for n, team in enumerate(world.crews) if judge.able(team, job)]
        nearest = min(able, key=lambda n: (judge.way(world.crews[n].base, job.spot)[1], n), default=0)
        listed.append(doing.get(job.name, nearest))
    return listed


def region_plan(world: Fortnight, region: Region, start: Named, seconds: float) -> dict[str, object]:
    """One region's plan, and what it took."""
    begun = time.process_time()
    part = Fortnight([world.jobs[n] for n in region.jobs], [world.crews[n] for n in region.crews])
    clock = Clock(seconds, 1e6)
    built = as_the_platform_sees_it(part)
    problem, tours = built.problem, Tours(built.problem)
    shifts = {(shift.crew, shift.day): n for n, shift in enumerate(problem.shifts)}
    tasks = {work.finding_key: n for n, work in enumerate(built.works)}
    known = {}
    for crew, day, names in start:
        shift = shifts[crew, day]
        tour = tours.tour(shift, tuple(tasks[name] for name in names))
        if tour:
            known[shift] = tour
    starts = [*by_simple_rules(built).values(), Solution.of(problem, known)]
    result = solve(problem, seed=1, clock=clock, starts=starts)
    plan = [
        (
            problem.shifts[t.shift].crew,
            problem.shifts[t.shift].day,
            [built.works[n].finding_key for n in t.tasks],
        )
        for t in result.solution.tours.values()
    ]
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"plan": plan, "took_s": time.process_time() - begun, "held_gb": held}


def by_regions(
    world: Fortnight, size: str, judge: Judge, plan: Plan, most: int, cut: float, seconds: float
) -> tuple[Plan, list[Mapping[str, float]]]:
    """One pass: the whole plan, and what each region took."""
    bases = [(team.base.latitude, team.base.longitude) for team in world.crews]
    whole: Plan = {}
    rows = []
    for region in regions(bases, owners(world, judge, plan), most, cut):
        mine = {world.crews[n].name for n in region.crews}
        start = [(crew, day.toordinal(), names) for (crew, day), names in plan.items() if crew in mine]
        with TemporaryDirectory() as folder:
            file = Path(folder) / "region.json"
            file.write_text(json.dumps({"crews": region.crews, "jobs": region.jobs, "start": start}))
            command = [sys.executable, "-m", "benchmarks.scheduling.regions", "--size", size]
            command += ["--seconds", str(seconds), "--one", str(file)]
            answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        whole |= {(crew, date.fromordinal(day)): names for crew, day, names in answer["plan"]}
        rows.append({"jobs": len(region.jobs), "s": answer["took_s"], "gb": answer["held_gb"]})
    return whole, rows


def main(arguments: list[str] | None = None) -> None:
    """The table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="5000x300")
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--one", default="", help="a region's file: this process plans it and prints JSON")
    options = parser.parse_args(arguments)
    use_configs()
    jobs, crews = map(int, options.size.split("x"))
    world = make(jobs, crews, 1)
    if options.one:
        asked = json.loads(Path(options.one).read_text())
        region = Region(asked["crews"], asked["jobs"])
        print(json.dumps(region_plan(world, region, asked["start"], options.seconds)))
        return
    judge = Judge(world)
    greedy = judge.cost(judge.greedy())
    print("| pass | regions | largest | loss USD | greedy + % | CPU s a region, most | GB a region, most |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    plan: Plan = {}
    for number in range(options.passes):
        cut = CUTS[number % len(CUTS)]
        plan, rows = by_regions(world, options.size, judge, plan, options.most, cut, options.seconds)
        cost = judge.cost(plan)
        most = {name: max(row[name] for row in rows) for name in ("jobs", "s", "gb")}
        print(
            f"| {number + 1} | {len(rows)} | {most['jobs']:.0f} | {cost:.0f} | {100 * (greedy / cost - 1):.1f} "
            f"| {most['s']:.1f} | {most['gb']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
