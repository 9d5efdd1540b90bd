"""Weeks of work in the demo's world: how far plans are from the best possible, beside two simple rules.

    python -m benchmarks.scheduling.generated [--seconds 20] [--cases 3] [--most 200]

Assets like the demo's, at sites within 70 km of Greensboro (one for five jobs), fail with the causes of
`configs/ooda/causes.yaml`; losses a day are spread over two orders of magnitude (log-normal, median 30
USD). Crews have all skills and bases of their own; so many may be out at once as there are crews, three
at least. The plan is what `ooda.schedule.plan` makes of the findings. The bound is that of the linear
relaxation over all tours (column generation) or the proof's; *greedy* gives the most urgent job the
cheapest place at the end of a tour, *first come first served* each job in order of arrival the soonest.
Losses are the weighted ones that plans minimise; `USD` is money alone: production lost, labour, travel
and parts, without weights.
"""

from __future__ import annotations

import argparse
import math
import random
from datetime import UTC, datetime, timedelta
from statistics import mean

from ona.config.causes import cause_rules
from ona.config.parts import parts_catalogue
from ona.documents.assets import Location
from ona.documents.base import S3Pointer
from ona.repairs.crews import Crew, Work
from ooda.config import loss_function
from ooda.schedule.build import Built, build
from ooda.schedule.comparison import by_simple_rules
from ooda.schedule.loss import terms
from ooda.schedule.requests import PRIORITIES
from ooda.schedule.rules import PlanningRules
from ooda.schedule.solver.clock import Clock
from ooda.schedule.solver.solution import Solution
from ooda.schedule.solver.solve import solve
from ooda.schedule.times import next_step
from ooda.schedule.travel import ROAD_FACTOR
from ooda.schedule.visits import Calendars
from ops.demo import simulate
from ops.target import use_configs

SIZES = ((5, 2), (10, 2), (20, 2), (35, 3), (50, 4), (75, 6), (100, 8), (150, 11), (200, 14))
"""Jobs and crews."""
NOW = datetime(2025, 6, 16, 10, 2, tzinfo=UTC)
"""A Monday morning in Greensboro, with Juneteenth ahead."""
LONGEST_H = 5.0
"""Hours: longer work does not fit into a day with the way to every site, and impossible work says nothing of
a plan."""
POINTER = S3Pointer(bucket="none", key="none")
"""Where the faults' diagnostics would lie."""


def _near(rng: random.Random, km: float) -> Location:
    """A place within so many km of Greensboro by road."""
    degrees = km / 111.0 / ROAD_FACTOR
    return Location(
        latitude=simulate.SITE.latitude + rng.uniform(-degrees, degrees) / 1.42,
        longitude=simulate.SITE.longitude + rng.uniform(-degrees, degrees) / 1.14,
    )


def works(jobs: int, rng: random.Random) -> list[Work]:
    """So many faults at sites around Greensboro."""
    rules = loss_function.loss_function_config()
    causes = {
        name: rule
        for name, rule in sorted(cause_rules().items())
        if rule.fault and rule.duration_hours <= LONGEST_H
    }
    parts = parts_catalogue().parts
    sites = [_near(rng, 70.0) for _ in range(max(1, jobs // 5))]
    faults = []
    for number in range(jobs):
        name = rng.choice(list(causes))
        rule, site = causes[name], rng.randrange(len(sites))
        daily, risk = rng.lognormvariate(3.4, 0.9), rng.choice(["critical", "major", "minor"])
        fitting = [part for part in parts if part.component_type == rule.needs_part]
        part = min(fitting, key=lambda item: item.unit_price_usd or 0.0, default=None)
        lead = (part.lead_time_days or 0.0) if part else 0.0
        faults.append(
            Work(
                finding_key=f"INV-{number:03d}#{name}",
                finding_id=f"find-{number:03d}",
                asset_id=f"INV-{number:03d}",
                site_id=f"site-{site}",
                cause=name,
                diagnostic=POINTER,
                priority=PRIORITIES[risk],
                location=sites[site],
                zone=simulate.ZONE,
                specialization=rule.specialization,
                technicians=rule.crew_size,
                hours=rule.duration_hours,
                light=rule.light,
                sunny=True,
                known_since=NOW - timedelta(hours=rng.uniform(1, 60)),
                ready=next_step(NOW + timedelta(days=lead)),
                due=NOW + timedelta(days=max(lead, 3.0)) if risk == "critical" else None,
                must=risk == "critical" or daily >= rules.thresholds.ear_threshold_usd,
                severity={"critical": 0.9, "major": 0.7, "minor": 0.5}[risk],
                daily_usd=daily,
                growth_percent=rule.growth_percent_per_day,
                standing_usd=rng.uniform(0, 60),
                part=part.sku if part else "",
                part_usd=(part.unit_price_usd or 0.0) if part else 0.0,
            )
        )
    return faults


def case(jobs: int, crews: int, seed: int) -> Built:
    """The planning problem of a seed."""
    rng = random.Random(f"{jobs} {seed}")
    rules = loss_function.loss_function_config()
    limits = rules.constraints.model_copy(update={"max_concurrent_jobs": max(3, crews)})
    rules = rules.model_copy(update={"constraints": limits})
    teams = [
        Crew(
            crew_id=f"crew-{n:02d}",
            base=_near(rng, 40.0),
            specialisations=rules.crew.specializations,
            size=4,
        )
        for n in range(crews)
    ]
    faults = works(jobs, rng)
    return build(faults, teams, Calendars(), now=NOW, rules=PlanningRules(rules, rules.weights))


def money(built: Built, solution: Solution, now: datetime = NOW) -> float:
    """Production lost, with the fault's growth, labour, travel and parts, USD; what is left out loses for
    the whole horizon."""
    rules, total = loss_function.loss_function_config(), 0.0
    end = now + timedelta(days=rules.constraints.planning_horizon_days)
    for tour in solution.tours.values():
        total += (tour.returns - tour.leaves) / 60.0 * tour.people * rules.crew.hourly_cost_usd
        total += tour.km * rules.crew.travel_cost_usd_per_km
        for task, begins in zip(tour.tasks, tour.begins, strict=True):
            work = built.works[task]
            lost = terms(work, built.moment(begins), now)
            total += lost["energy"] + lost["risk"] + lost["mttr"] + work.part_usd
    for task in solution.absent:
        lost = terms(built.works[task], end - timedelta(hours=built.works[task].hours), now)
        total += lost["energy"] + lost["risk"]
    return total


def main(arguments: list[str] | None = None) -> None:
    """The table: means over the cases of a size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=None, help="CPU s; production's setting")
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--most", type=int, default=200)
    options = parser.parse_args(arguments)
    use_configs()
    setting = loss_function.loss_function_config().solver
    print(
        f"{'jobs':>5}{'crews':>6}{'proven':>8}{'gap %':>8}{'s':>7}{'left out':>9}"
        f"{'greedy +%':>11}{'first come +%':>15}{'USD':>9}{'greedy':>9}{'first come':>11}"
    )
    for jobs, crews in SIZES:
        if jobs > options.most:
            break
        rows = []
        for seed in range(options.cases):
            built = case(jobs, crews, seed)
            clock, rules = Clock(options.seconds or setting.cpu_seconds, 1e6), by_simple_rules(built)
            result = solve(
                built.problem,
                seed=1,
                clock=clock,
                searches=setting.processes,
                starts=list(rules.values()),
            )
            first, greedy = rules["first_come_first_served"], rules["greedy"]
            best = result.solution
            rows.append(
                (
                    float(result.optimal),
                    math.nan if result.gap is None else 100 * result.gap,
                    result.seconds,
                    len(best.absent),
                    100 * (greedy.cost / best.cost - 1),
                    100 * (first.cost / best.cost - 1),
                    money(built, best),
                    money(built, greedy),
                    money(built, first),
                )
            )
        proven, gap, seconds, absent, more, most, *usd = (
            mean(column) for column in zip(*rows, strict=True)
        )
        print(
            f"{jobs:5}{crews:6}{proven * len(rows):6.0f}/{len(rows)}{gap:8.2f}{seconds:7.1f}{absent:9.1f}"
            f"{more:11.1f}{most:15.1f}{usd[0]:9.0f}{usd[1]:9.0f}{usd[2]:11.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
