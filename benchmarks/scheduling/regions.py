"""Plans of a whole country by regions: what borders cost, and what each step takes.

    python -m benchmarks.scheduling.regions [--size 5000x300] [--most 1000] [--seconds 20]

The steps are the platform's own: divide, plan each region, join. Each region is planned in a process of its
own, as in the Map of the loop. `--most` larger than the number of jobs is one plan for all, where
DynamoDB's transaction is the only other limit. The whole plan is walked again by `country_judge`, beside its
two simple rules.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.scheduling.country import ZONE, Fortnight, in_the_platforms_terms, make
from benchmarks.scheduling.country_judge import Judge, Plan
from ona.documents.base import S3Pointer
from ona.repairs.crews import Booking
from ooda.documents.regions import Division, RegionPlan, RegionProblem
from ooda.schedule.by_regions import region_plan
from ooda.schedule.divide import Size, divided
from ooda.schedule.join import joined
from ooda.schedule.plan import Wanted
from ooda.schedule.rules import PlanningRules
from ops.target import use_configs

NOWHERE = S3Pointer(bucket="none", key="none")


def as_judged(bookings: dict[str, list[Booking]]) -> Plan:
    """A plan as the judge takes it. It knows no work of several days: that counts as left out."""
    plan: Plan = {}
    for crew, added in bookings.items():
        for booking in sorted(added, key=lambda one: one.start):
            if booking.days:
                print(f"{booking.finding_key} takes {len(booking.days)} days: counted as left out")
                continue
            day = booking.start.astimezone(ZoneInfo(ZONE)).date()
            plan.setdefault((crew, day), []).append(booking.finding_key)
    return plan


def in_a_process(file: Path, size: str, seconds: float, simply: bool) -> tuple[RegionPlan, float, float]:
    """One region's plan, CPU seconds, and GB held at most."""
    command = [sys.executable, "-m", "benchmarks.scheduling.regions", "--size", size]
    command += ["--seconds", str(seconds), "--one", str(file), *["--simply"] * simply]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return RegionPlan.read(answer["plan"]), answer["took_s"], answer["held_gb"]


def rules_of(world: Fortnight, seconds: float) -> PlanningRules:
    """The platform's rules with so many CPU seconds; real time does not count, the machine is shared."""
    rules: PlanningRules = in_the_platforms_terms(Fortnight([], world.crews))[2]
    solver = rules.config.solver.model_copy(update={"cpu_seconds": seconds, "wall_seconds": 1e6})
    config = rules.config.model_copy(update={"solver": solver})
    return PlanningRules(config, rules.weights, rules.catalogue, rules.legs)


def by_regions(world: Fortnight, options: Any) -> tuple[Plan, dict[str, float]]:
    """The whole plan, and what it took."""
    begun = time.process_time()
    works, crews, _ = in_the_platforms_terms(world)
    rules = rules_of(world, options.seconds)
    ready = time.process_time()
    wanted = Wanted(works, [], set(), {})
    problems = divided(wanted, crews, rules, now=world.now, size=Size(options.most, options.crews))
    took = {"regions": len(problems), "divide_s": time.process_time() - ready, "made_s": ready - begun}
    plans: list[RegionPlan] = []
    rows: list[tuple[float, float]] = []
    with TemporaryDirectory() as folder:
        for number, problem in enumerate(problems):
            file = Path(folder) / f"{number}.json"
            file.write_text(json.dumps(problem.document()))
            plan, seconds, held = in_a_process(file, options.size, options.seconds, options.simply)
            plans.append(plan)
            rows.append((seconds, held))
    took |= {"region_s": max(row[0] for row in rows), "region_gb": max(row[1] for row in rows)}
    took["jobs"] = max(len(problem.works) for problem in problems)
    before = time.process_time()
    plan = whole(world.now, problems, plans, crews, rules)
    took["join_s"] = time.process_time() - before
    return plan, took


def whole(
    now: datetime,
    problems: Sequence[RegionProblem],
    plans: Sequence[RegionPlan],
    crews: Any,
    rules: PlanningRules,
) -> Plan:
    """The plans joined. Raises AssertionError where one is refused."""
    division = Division(
        schedule_id="country",
        schedule=NOWHERE,
        now=now,
        jobs=[],
        over=[],
        together=rules.constraints.max_concurrent_jobs,
        problems=[NOWHERE] * len(problems),
        plans=[NOWHERE] * len(problems),
    )
    result = joined(division, problems, plans, crews, rules)
    assert not result.refused, result.refused
    return as_judged(result.plan.bookings)


def main(arguments: list[str] | None = None) -> None:
    """The table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="5000x300")
    parser.add_argument("--most", type=int, default=1000, help="jobs of a region at most")
    parser.add_argument("--crews", type=int, default=100, help="crews of a region at most")
    parser.add_argument("--seconds", type=float, default=20.0, help="CPU s of a region")
    parser.add_argument(
        "--simply", action="store_true", help="by the simple rules alone, as after a failure"
    )
    parser.add_argument("--one", default="", help="a region's file: this process plans it and prints JSON")
    options = parser.parse_args(arguments)
    use_configs()
    jobs, teams = map(int, options.size.split("x"))
    world = make(jobs, teams, 1)
    if options.one:
        begun = time.process_time()
        problem = RegionProblem.read(json.loads(Path(options.one).read_text()))
        plan = region_plan(problem, rules_of(world, options.seconds), seed=1, simply=options.simply)
        document, took = plan.document(), time.process_time() - begun
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps({"plan": document, "took_s": took, "held_gb": held}))
        return
    judge = Judge(world)
    in_a_day = [job for job in world.jobs if any(judge.able(team, job) for team in world.crews)]
    world = Fortnight(in_a_day, world.crews)
    judge = Judge(world)
    plan_made, took = by_regions(world, options)
    cost = judge.cost(plan_made)
    print(f"{len(world.jobs)} jobs that some crew can do in a day")
    print("| regions | largest | loss USD | divide, CPU s | a region, CPU s | a region, GB | join, CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print(
        f"| {took['regions']:.0f} | {took['jobs']:.0f} | {cost:.0f} | {took['divide_s']:.1f} "
        f"| {took['region_s']:.1f} | {took['region_gb']:.2f} | {took['join_s']:.1f} |",
        flush=True,
    )
    for name, rule in (("greedy", judge.greedy), ("first come", judge.first_come)):
        other = judge.cost(rule())
        print(f"{name}: {other:.0f} USD, {100 * (other / cost - 1):.1f} % more", flush=True)


if __name__ == "__main__":
    main()
