"""A plan by regions: nothing is booked twice, nothing is lost, and the fleet's limit holds over all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

import ooda.schedule.handler as scheduling
from ona.config import parts
from ona.documents.assets import Location
from ona.documents.base import S3Pointer
from ona.repairs import crews as calendars
from ona.repairs.crews import Away, Booking, Crew
from ona.runtime.errors import CrewBookingConflict, InvalidPayload
from ona.store import s3, tables
from ooda.config import loss_function
from ooda.documents.regions import Division, RegionPlan, RegionProblem
from ooda.schedule import by_regions
from ooda.schedule.divide import Size, divided, is_large
from ooda.schedule.join import NOT_PLANNED, Joined, joined
from ooda.schedule.plan import wanted_of
from ooda.schedule.requests import KEPT, RepairRequest
from ooda.schedule.rules import PlanningRules
from tests.builders.assets import make_asset, make_registry
from tests.builders.flags import switched
from tests.builders.orders import Context
from tests.builders.plans import NOW, booked, check, crew, plan, request
from tests.fakes.tables import IN, OUT

NORTH, SOUTH = Location(latitude=-25.9, longitude=28.1), Location(latitude=-29.9, longitude=28.1)
"""445 km apart: no crew of one works in the other."""
SMALL = Size(jobs=5, crews=3)


def team(each: int = 3, **changes: Any) -> list[Crew]:
    """So many crews in the north, then in the south."""
    return [crew(n, base=NORTH if n <= each else SOUTH, **changes) for n in range(1, 2 * each + 1)]


def faults(numbers: Sequence[int], **changes: Any) -> list[RepairRequest]:
    """Even ones in the north, odd ones in the south."""
    return [
        request(n, site=f"site-{n % 2}", location=SOUTH if n % 2 else NORTH, **changes) for n in numbers
    ]


def rules(most: int | None = None) -> PlanningRules:
    """The project's own, with another limit of tours at once."""
    config = loss_function.loss_function_config()
    if most is not None:
        limits = config.constraints.model_copy(update={"max_concurrent_jobs": most})
        config = config.model_copy(update={"constraints": limits})
    return PlanningRules(config, config.weights, parts.parts_catalogue().parts)


def problems_of(
    requests: Sequence[RepairRequest], crews: Sequence[Crew], own: PlanningRules
) -> list[RegionProblem]:
    return divided(wanted_of(requests, crews, own, NOW), crews, own, now=NOW, size=SMALL)


def division_of(count: int, own: PlanningRules) -> Division:
    nowhere = S3Pointer(bucket="out", key="x")
    return Division(
        schedule_id="sched-x",
        schedule=nowhere,
        now=NOW,
        jobs=[],
        over=[],
        together=own.constraints.max_concurrent_jobs,
        problems=[nowhere] * count,
        plans=[nowhere] * count,
    )


def whole(
    requests: Sequence[RepairRequest], crews: Sequence[Crew], own: PlanningRules | None = None
) -> tuple[list[RegionProblem], list[RegionPlan], Joined]:
    """Divided, planned and joined."""
    own = own or rules()
    problems = problems_of(requests, crews, own)
    plans = [by_regions.region_plan(problem, own, seed=1) for problem in problems]
    return problems, plans, joined(division_of(len(problems), own), problems, plans, crews, own)


@cache
def usual() -> tuple[list[RegionProblem], list[RegionPlan], Joined]:
    """Eight faults, six crews, three tours at once: planned once for several tests."""
    return whole(faults(range(1, 9)), team())


def test_regions_together_keep_every_constraint_of_the_fleet() -> None:
    requests, crews = faults(range(1, 9)), team()
    problems, _, result = usual()
    assert result.refused == {}
    assert len(problems) == 2
    assert sorted(problem.together for problem in problems) == [1, 2], "three tours at once in the fleet"
    check(result.plan, requests, crews)
    assert {job.decision for job in result.plan.jobs} == {"scheduled"}
    summary = result.plan.summary
    assert summary is not None
    assert (summary.jobs, summary.regions, summary.bound_usd, summary.optimal) == (8, 2, None, False)
    assert all(usd >= summary.loss_usd for usd in summary.compared.values())


def test_where_all_crews_may_be_out_no_region_has_a_share() -> None:
    problems = problems_of(faults(range(1, 9)), team(), rules(6))
    assert [problem.together for problem in problems] == [6, 6]
    assert not any(problem.promises_stay for problem in problems)


def test_a_booked_tour_of_another_region_counts_where_the_limit_binds() -> None:
    """Three crews of the north are booked on the same morning: the south cannot have a tour beside them."""
    crews = team()
    before = plan(faults([2, 4, 6]), crews[:1])
    one = next(b for bookings in before.bookings.values() for b in bookings)
    morning = [one.model_copy(update={"finding_key": f"other-{n}", "work": None}) for n in range(3)]
    busy = [c.model_copy(update={"bookings": [morning[n]]}) if n < 3 else c for n, c in enumerate(crews)]
    requests = faults(range(11, 19, 2))
    problems, _, result = whole(requests, busy)
    [south] = problems
    assert len(south.elsewhere) == 3
    assert result.refused == {}
    check(result.plan, requests, busy)
    free = problems_of(requests, crews, rules())
    assert [problem.elsewhere for problem in free] == [[]], "without these bookings nothing is used up"


def test_only_regions_with_something_to_plan_are_planned() -> None:
    crews = booked(plan(faults(range(2, 10, 2)), team()[:3]), team())
    assert is_large(1, crews, SMALL)
    [south] = problems_of(faults([15]), crews, rules(6))
    assert {item.crew_id for item in south.crews} == {"crew-004", "crew-005", "crew-006"}
    day = NOW.date()
    leave = [Away(first=day, last=day + timedelta(days=14))]
    absent = [item.model_copy(update={"away": leave} if item.bookings else {}) for item in crews]
    problems, _, result = whole(faults([15]), absent, rules(6))
    assert len(problems) == 2, "visits whose crew cannot come want another one"
    assert result.refused == {}
    assert result.plan.changes


def test_the_work_of_a_region_without_a_plan_waits_and_the_other_stands() -> None:
    crews, own = team(), rules()
    problems, plans, _ = usual()
    result = joined(division_of(2, own), problems, [None, plans[1]], crews, own)
    assert set(result.refused) == {0}
    lost = {work.finding_id for work in problems[0].works}
    said = {job.finding_id: job for job in result.plan.jobs}
    assert len(said) == len(result.plan.jobs) == 8
    assert all(said[name].decision == "deferred" and NOT_PLANNED in said[name].reason for name in lost)
    assert all(job.decision == "scheduled" for name, job in said.items() if name not in lost)
    assert set(result.plan.bookings) <= {item.crew_id for item in problems[1].crews}


def _twice(plan: RegionPlan) -> dict[str, Any]:
    """Two crews at the same work."""
    [first, second] = [*plan.bookings][:2]
    return {**plan.bookings, second: plan.bookings[first]}


def _overlapping(plan: RegionPlan) -> dict[str, Any]:
    """One crew at two works at a time."""
    crew_id = next(iter(plan.bookings))
    one = plan.bookings[crew_id][0]
    return {**plan.bookings, crew_id: [one, one.model_copy(update={"finding_key": "another"})]}


def _strangers(plan: RegionPlan) -> dict[str, Any]:
    return {**plan.bookings, "crew-099": next(iter(plan.bookings.values()))}


def _too_soon(plan: RegionPlan) -> dict[str, Any]:
    """Before its part is there."""
    crew_id, [one, *rest] = next(iter(plan.bookings.items()))
    assert one.work is not None
    late = one.work.model_copy(update={"ready": one.start + timedelta(hours=1)})
    return {**plan.bookings, crew_id: [one.model_copy(update={"work": late}), *rest]}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_twice, "two visits"),
        (_overlapping, "booked twice"),
        (_strangers, "crews of other regions: crew-099"),
        (_too_soon, "before its part is there"),
    ],
)
def test_a_plan_that_breaks_a_rule_does_not_count(spoil: Any, why: str) -> None:
    requests, crews, own = faults(range(1, 9)), team(), rules(6)
    problems, plans, sound = whole(requests, crews, own)
    assert sound.refused == {}
    bad = plans[0].model_copy(update={"bookings": spoil(plans[0])})
    result = joined(division_of(2, own), problems, [bad, plans[1]], crews, own)
    assert set(result.refused) == {0}
    assert why in result.refused[0]


def test_too_many_tours_at_once_are_refused() -> None:
    """Each plan is sound by itself, made with the whole limit instead of a share of it."""
    requests, crews = faults(range(1, 9)), team()
    problems, plans, _ = whole(requests, crews, rules(6))
    strict = rules(2)
    result = joined(division_of(2, strict), problems, plans, crews, strict)
    assert result.refused
    assert all("too many tours" in why for why in result.refused.values())


def test_reasons_say_whose_crews_were_asked() -> None:
    """The middle crew is in the south's region and could do the north's work too."""
    middle = Location(latitude=-26.6, longitude=28.1)
    crews = [crew(1, base=NORTH), crew(2, base=middle), crew(3, base=middle), crew(4, base=SOUTH)]
    size = Size(jobs=100, crews=2)
    own = rules(4)
    requests = faults([2])
    [north] = divided(wanted_of(requests, crews, own, NOW), crews, own, now=NOW, size=size)
    assert [item.crew_id for item in north.crews] == ["crew-001", "crew-003"]
    assert north.others == {requests[0].finding.finding_key: 1}
    [job] = by_regions.region_plan(north, own, seed=1).jobs
    assert "the cheapest plan of its region" in job.reason
    assert "the next best crew of its region" in job.reason
    alone = north.model_copy(
        update={"crews": north.crews[:1], "others": {requests[0].finding.finding_key: 2}}
    )
    [job] = by_regions.region_plan(alone, own, seed=1).jobs
    assert "no other crew of its region can do it; 2 crews of other regions could do it" in job.reason
    [job] = plan(requests, crews).jobs
    assert "region" not in job.reason


# ------------------------------------------------------------------ the steps of the state machine


@pytest.fixture
def country(cloud: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Eight faults in two regions, six crews, all of which may be out; the event of the loop."""
    monkeypatch.setattr(by_regions, "SIZE", SMALL)
    monkeypatch.setattr(scheduling, "utc_now", lambda: NOW)
    monkeypatch.setattr(scheduling.store, "load_rules", lambda: rules(6))
    for item in team():
        tables.put("crews", item.model_dump(exclude={"version", "bookings"}))
    return event(range(1, 9))


def event(numbers: Sequence[int]) -> dict[str, Any]:
    from tests.builders.orders import Diagnostic, TrendAnalysis

    assets, pointers = [], []
    for one in faults(numbers):
        assets.append(make_asset(one.asset.id, site_id=one.asset.site_id, location=one.asset.location))
        diagnostic = Diagnostic(
            diagnostic_id=f"diag-{one.asset.id}",
            asset_id=one.asset.id,
            analysis_timestamp=NOW,
            detection=one.diagnostic,
            findings=[one.finding],
            trend_analysis=TrendAnalysis(
                degradation_rate_percent_per_year=None,
                performance_trend="unknown",
                next_maintenance_due=None,
            ),
        )
        key = f"diagnostics/2025/06/10/{one.asset.id}.json"
        pointers.append(s3.write_json(OUT, key, diagnostic.document()).document())
    registry = make_registry().model_copy(update={"assets": assets})
    s3.write_json(IN, "assets.json", registry.model_dump(mode="json", exclude_none=True))
    return {"diagnostics": pointers, "execution_id": "execution-1"}


def step(payload: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = scheduling.lambda_handler(
        {**payload, "execution_id": "execution-1"}, Context()
    )
    return answer


def held() -> list[Booking]:
    return [booking for item in calendars.load() for booking in item.bookings]


def test_divided_planned_and_joined_every_fault_has_one_visit(country: dict[str, Any]) -> None:
    divided = step(country)
    assert divided["regions"] == [0, 1]
    regions = [{"division": divided["division"], "region": n} for n in divided["regions"]]
    assert [step(one)["jobs"] for one in regions] == [4, 4]
    assert held() == [], "a region's step books nobody"
    pointers = Division.read(s3.read_json(S3Pointer.read(divided["division"]))).plans
    first = [s3.read_bytes(pointer) for pointer in pointers]
    assert [step(one)["jobs"] for one in regions] == [4, 4]
    assert [s3.read_bytes(pointer) for pointer in pointers] == first, "a try again makes the same plan"
    done = step({"join": divided["division"]})
    assert (done["scheduled"], len(done["jobs"])) == (8, 8)
    assert len({booking.finding_key for booking in held()}) == len(held()) == 8
    for item in calendars.load():
        times = sorted(item.bookings, key=lambda b: b.leaves)
        assert all(one.returns <= other.leaves for one, other in pairwise(times))
    after = held()
    assert step({"join": divided["division"]}) == done, "a try again of the join"
    assert held() == after


def test_a_region_that_fails_is_planned_simply_or_waits(country: dict[str, Any]) -> None:
    divided = step(country)
    assert step({"division": divided["division"], "region": 0, "simply": True})["jobs"] == 4
    done = step({"join": divided["division"]})
    assert (done["scheduled"], done["deferred"]) == (4, 4)
    assert len(held()) == 4


def test_what_another_execution_booked_is_planned_anew_and_the_rest_stands(country: dict[str, Any]) -> None:
    divided = step(country)
    for number in (0, 1):
        step({"division": divided["division"], "region": number})
    tables.update("crews", {"crew_id": "crew-001"}, "SET version = :v", {":v": 7})
    with pytest.raises(CrewBookingConflict, match="1 region"):
        step({"join": divided["division"]})
    kept = {booking.finding_key: booking for booking in held()}
    assert len(kept) == 4, "the other region is booked"
    again = step(country)
    assert len(again["regions"]) == 1
    step({"division": again["division"], "region": 0})
    done = step({"join": again["division"]})
    assert done["scheduled"] == 8
    now = {booking.finding_key: booking for booking in held()}
    assert len(now) == len(held()) == 8
    assert all(now[key] == booking for key, booking in kept.items())
    schedule = s3.read_json(S3Pointer.read(done["schedule"]))
    assert not any(job["reason"] == KEPT for job in schedule["jobs"]), "each has the reason it was made for"


def test_what_one_plan_can_hold_is_planned_at_once(
    country: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_regions, "SIZE", Size())
    assert step(country)["scheduled"] == 8
    with pytest.raises(InvalidPayload):
        step({"division": {"bucket": "out", "key": "x"}, "region": -1})


def test_two_executions_in_one_second_keep_the_fleets_limit(
    country: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has faults of a region of its own, and one tour may be out: they book other crews."""
    monkeypatch.setattr(scheduling.store, "load_rules", lambda: rules(1))
    faults_of = {"execution-1": country["diagnostics"][0::2], "execution-2": country["diagnostics"][1::2]}

    def planned(execution: str) -> dict[str, Any]:
        asked = {"diagnostics": faults_of[execution], "execution_id": execution}
        divided: dict[str, Any] = scheduling.lambda_handler(asked, Context())
        for number in divided["regions"]:
            one = {"division": divided["division"], "region": number, "execution_id": execution}
            scheduling.lambda_handler(one, Context())
        return {"join": divided["division"], "execution_id": execution}

    first, second = planned("execution-1"), planned("execution-2")
    book, other = by_regions.regions_store.book, [second]

    def book_after_the_other(*arguments: Any, **named: Any) -> bool:
        if other:
            scheduling.lambda_handler(other.pop(), Context())
            assert held(), "the other execution was faster"
        return book(*arguments, **named)

    monkeypatch.setattr(by_regions.regions_store, "book", book_after_the_other)
    with pytest.raises(CrewBookingConflict, match="booked while planning"):
        scheduling.lambda_handler(first, Context())
    scheduling.lambda_handler(planned("execution-1"), Context())
    times = sorted((time.leaves, time.returns) for one in held() for time in one.times)
    assert len({one.finding_key for one in held()}) == len(held())
    assert all(back <= leaves for (_, back), (leaves, _) in pairwise(times)), "one tour at a time"


def test_switched_off_one_plan_holds_all(country: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    switched(monkeypatch, regions_planning=False)
    done = step(country)
    assert "regions" not in done
    assert (done["scheduled"], len({booking.finding_key for booking in held()})) == (8, 8)
    switched(monkeypatch, regions_planning=True)
    free = [item.model_copy(update={"bookings": []}) for item in calendars.load()]
    assert is_large(8, free, SMALL)
