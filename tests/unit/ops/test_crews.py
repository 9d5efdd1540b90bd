"""Whose crews there are at first: the sample fleet's examples, and for another plant a hint and none."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from ona.documents.assets import Asset, AssetRegistry, Location
from ona.repairs.crews import Crew
from ona.store import tables
from ooda.config import loss_function
from ooda.schedule.rules import PlanningRules
from ops import crews, seed
from ops.target import Target
from tests.builders.assets import SITE, make_asset, make_registry
from tests.builders.plans import SKILLS, crew
from tests.fakes.tables import IN, OUT

ALICE_SPRINGS = Location(latitude=-23.698, longitude=133.8807)
SAMPLE = AssetRegistry.parse(json.loads(seed.SAMPLE.read_text()))
[INV_001] = SAMPLE.assets


def registry(*assets: Asset) -> AssetRegistry:
    return AssetRegistry(assets=list(assets))


def changed(**changes: Any) -> Asset:
    return INV_001.model_copy(update=changes)


SOMEBODYS: dict[str, AssetRegistry | None] = {
    "no registry": None,
    "an empty one": registry(),
    "another plant": make_registry(),
    "another plant in Australia": registry(make_asset(location=ALICE_SPRINGS)),
    "the sample's copy, moved": registry(changed(location=ALICE_SPRINGS)),
    "the sample's copy, renamed": registry(changed(id="PLANT-1")),
    "the sample's copy of another site": registry(changed(site_id="my-site")),
    "the sample's copy of another customer": registry(changed(customer_id="me")),
    "the sample's copy without a place": registry(changed(location=None)),
    "the sample beside an own asset": registry(INV_001, make_asset("PLANT-1", location=ALICE_SPRINGS)),
}
SAMPLES: dict[str, AssetRegistry] = {
    "as it is": SAMPLE,
    "with another size": registry(changed(capacity_kw=25.0)),
    "with another tariff": registry(changed(tariff_usd_per_kwh=0.2)),
}
"""Distractors: the sample fleet, also after somebody played with it."""


@pytest.fixture
def target(cloud: None) -> Target:
    """An embedded platform, as it is after its first `ona up`: a table of crews, and nobody in it."""
    for item in tables.scan("crews"):
        boto3.client("dynamodb").delete_item(TableName="crews", Key={"crew_id": {"S": item["crew_id"]}})
    one = Target("test", "stack", boto3.client, embedded=object())  # type: ignore[arg-type]
    one.__dict__["outputs"] = {"InputBucketName": IN, "OutputBucketName": OUT, "CrewsTableName": "crews"}
    return one


@pytest.mark.parametrize("kind", SOMEBODYS)
def test_another_plant_gets_no_example_crews(target: Target, kind: str) -> None:
    assert seed.put_sample_crews(target, SOMEBODYS[kind]) == 0
    assert tables.scan("crews") == []


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_sample_fleet_gets_example_crews_near_it_once(target: Target, kind: str) -> None:
    assert seed.put_sample_crews(target, SAMPLES[kind]) == 2
    assert seed.put_sample_crews(target, SAMPLES[kind]) == 0
    assert crews.hint(target, SAMPLES[kind]) == ""


def test_on_aws_nobody_gets_example_crews(target: Target) -> None:
    aws = Target("AWS", "stack", boto3.client)
    aws.__dict__["outputs"] = target.outputs
    assert seed.put_sample_crews(aws, SAMPLE) == 0


# ------------------------------------------------------------------ the hint

FAR = Location(latitude=-12.0, longitude=28.05)


def at(place: Location | None, *names: str) -> list[Asset]:
    return [make_asset(name, location=place, site_id=f"site-{name}") for name in names]


TOLD: dict[str, tuple[list[Asset], list[Crew], str]] = {
    "no crew at all": (at(SITE, "A", "B"), [], "2 of 2 assets: no crew is available"),
    "example crews near Johannesburg": (
        at(ALICE_SPRINGS, "A"),
        [crew(1), crew(2)],
        "1 of 1 asset: the nearest crew, crew-001, is 12,",
    ),
    "the nearer of two is named": (
        at(SITE, "A"),
        [crew(1, base=ALICE_SPRINGS), crew(2, base=FAR)],
        "the nearest crew, crew-002, is 1,974 km from A",
    ),
    "a near crew that is on leave": (
        at(SITE, "A"),
        [crew(1, status="on leave"), crew(2, base=FAR)],
        "the nearest crew, crew-002",
    ),
    "only crews on leave": (at(SITE, "A"), [crew(1, status="on leave")], "no crew is available"),
    "one asset of many": ([*at(SITE, "A", "B"), *at(ALICE_SPRINGS, "C")], [crew(1)], "1 of 3 assets"),
    "no place and no crew": (at(None, "A"), [], "no crew is available"),
}
SILENT: dict[str, tuple[list[Asset], list[Crew]]] = {
    "a near crew": (at(SITE, "A"), [crew(1)]),
    "a near crew beside a far one": (at(SITE, "A"), [crew(1, base=FAR), crew(2)]),
    "a crew for each site": ([*at(SITE, "A"), *at(FAR, "B")], [crew(1), crew(2, base=FAR)]),
    "nobody knows where it is": (at(None, "A"), [crew(1)]),
    "no asset": ([], [crew(1)]),
}


@pytest.fixture
def rules() -> PlanningRules:
    config = loss_function.loss_function_config()
    return PlanningRules(config, config.weights)


@pytest.mark.parametrize("kind", TOLD)
def test_assets_that_no_crew_reaches_are_told_with_what_to_do(kind: str, rules: PlanningRules) -> None:
    assets, team, why = TOLD[kind]
    far = crews.out_of_reach(assets, team, rules)
    text = crews.in_words(far, len(assets), rules, "the-crews")
    assert f"nobody can be sent to {len(far)} of " in text
    assert why in text
    assert "Put your crews into the table the-crews: docs/operations/settings.md#crews" in text
    place = far[0].asset.location
    assert (place is None) is ("latitude" not in text)


@pytest.mark.parametrize("kind", SILENT)
def test_assets_with_a_crew_in_reach_are_not_told(kind: str, rules: PlanningRules) -> None:
    assert crews.out_of_reach(*SILENT[kind], rules) == []


def test_measured_ways_count_as_they_do_in_plans(target: Target) -> None:
    tables.put("crews", crew(1).item())
    near = registry(*at(SITE, "A"))
    assert crews.hint(target, near) == ""
    boto3.client("s3").put_object(
        Bucket=IN, Key="travel.csv", Body=b"from,to,minutes,km\ncrew-001,site-A,300,250\n"
    )
    assert "is 250 km from A" in crews.hint(target, near)
    boto3.client("s3").put_object(Bucket=IN, Key="travel.csv", Body=b"no such columns\n")
    assert crews.hint(target, near) == "", "a file that cannot be read measures nothing"


def test_what_is_no_crew_reaches_nobody(target: Target) -> None:
    tables.put("crews", {"crew_id": "crew-009", "size": "many"})
    assert "no crew is available" in crews.hint(target, make_registry())


@pytest.mark.parametrize("broken", ["table", "rules"])
def test_a_hint_that_cannot_be_made_breaks_no_command(
    target: Target, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if broken == "table":
        target.outputs["CrewsTableName"] = "no-such-table"
    else:
        monkeypatch.setenv("ONA_CONFIG_DIR", "/nowhere")
    assert crews.hint(target, make_registry()) == ""


def test_example_crews_have_all_skills() -> None:
    made = [Crew.model_validate(item) for item in seed.example_crews(SITE)]
    assert all(set(SKILLS) == set(item.specialisations) for item in made)
