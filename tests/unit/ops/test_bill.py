"""`ona cost` beside Cost Explorer: answers in the form of botocore's model of the service, which the stub
looks at, as it does at each question.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from ops import cli
from ops.cli import cost as command
from ops.means import bill, reading
from ops.means.cost import Cost, Line
from ops.means.usage import Counts, Usage, Use
from ops.target import Target

DAY = date(2026, 11, 20)
Answer = dict[str, Any]


def group(service: str, amount: str) -> Answer:
    return {"Keys": [service], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}}


def answer(*groups: Answer, estimated: bool = False, **more: Any) -> Answer:
    period = {"Start": "2026-11-20", "End": "2026-11-21"}
    result = {"TimePeriod": period, "Total": {}, "Groups": list(groups), "Estimated": estimated}
    return {"ResultsByTime": [result], **more}


@pytest.fixture
def explorer() -> Iterator[tuple[Stubber, list[Answer], Callable[[str], Any]]]:
    """A stub, what was asked of it, and the maker of clients."""
    client = boto3.client("ce", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    asked: list[Answer] = []
    client.meta.events.register(
        "provide-client-params.ce.GetCostAndUsage", lambda params, **_: asked.append(dict(params))
    )
    with Stubber(client) as stub:
        yield stub, asked, {"ce": client}.__getitem__


def test_the_day_of_what_has_the_tags_is_summed_over_pages(explorer: Any) -> None:
    stub, asked, client = explorer
    stub.add_response("get_cost_and_usage", answer(group("AWS Lambda", "0.25"), NextPageToken="2"))
    stub.add_response(
        "get_cost_and_usage", answer(group("AWS Lambda", "0.16"), group("AmazonCloudWatch", "0.11"))
    )
    found = bill.read(client, DAY, "prod")
    assert {name: round(usd, 6) for name, usd in found.usd.items()} == {
        "AWS Lambda": 0.41, "AmazonCloudWatch": 0.11,
    }  # fmt: skip
    assert (found.scope, found.estimated) == (
        "what has the tags Project=ona-platform and Environment=prod", False,
    )  # fmt: skip
    first, second = asked
    assert second == first | {"NextPageToken": "2"}
    assert first["TimePeriod"] == {"Start": "2026-11-20", "End": "2026-11-21"}
    assert (first["Granularity"], first["Metrics"]) == ("DAILY", ["UnblendedCost"])
    tags = [part["Tags"] for part in first["Filter"]["And"] if "Tags" in part]
    assert tags == [
        {"Key": "Project", "Values": ["ona-platform"]}, {"Key": "Environment", "Values": ["prod"]},
    ]  # fmt: skip
    [without] = [part["Not"] for part in first["Filter"]["And"] if "Not" in part]
    assert without["Dimensions"] == {"Key": "RECORD_TYPE", "Values": ["Credit", "Refund", "Tax"]}


def test_where_nothing_has_the_tags_it_is_the_account_and_that_is_said(explorer: Any) -> None:
    stub, asked, client = explorer
    stub.add_response("get_cost_and_usage", answer())
    stub.add_response("get_cost_and_usage", answer(group("AWS Lambda", "3"), estimated=True))
    found = bill.read(client, DAY, "dev")
    assert (found.usd, found.estimated) == ({"AWS Lambda": 3.0}, True)
    assert found.scope.startswith("the whole account: nothing that day has the tags")
    assert "Tags" not in json.dumps(asked[1])


@pytest.mark.parametrize(
    ("code", "text", "why"),
    [
        ("AccessDeniedException", "User: x is not authorized", "it needs ce:GetCostAndUsage, on *"),
        ("AccessDeniedException", "User not enabled for cost explorer access", "not enabled"),
        ("DataUnavailableException", "no", "nothing of 2026-11-20 yet: it is up to 24 h late"),
        ("BillExpirationException", "too old", "no longer has 2026-11-20"),
        ("LimitExceededException", "slow down", "try again in a minute"),
    ],
)
def test_why_there_are_no_figures_is_said(explorer: Any, code: str, text: str, why: str) -> None:
    stub, _, client = explorer
    stub.add_client_error("get_cost_and_usage", code, text)
    with pytest.raises(bill.NoBill) as told:
        bill.read(client, DAY, "dev")
    assert why in str(told.value)


def test_a_day_of_which_there_is_nothing_yet_is_no_bill_of_zero(explorer: Any) -> None:
    stub, _, client = explorer
    stub.add_response("get_cost_and_usage", answer())
    stub.add_response("get_cost_and_usage", answer())
    with pytest.raises(bill.NoBill, match="nothing of 2026-11-20 yet"):
        bill.read(client, DAY, "dev")


def test_services_stand_beside_each_other_and_one_side_may_lack_one() -> None:
    """0.4 + 0.001 USD of Lambda, 0.525 of Step Functions, 0.1 of the APIs, which are on no bill."""
    used = [("lambda_request", 0.001), ("lambda_arm64_gb_second", 0.4), ("states_transition", 0.525),
            ("api_request", 0.1)]  # fmt: skip
    lines = [Line("ooda", "detect", what, 1.0, usd, False) for what, usd in used]
    known = {"AWS Lambda": 0.41, "AWS Step Functions": 0.5, "AmazonCloudWatch": 0.11}
    found = bill.beside(Cost(lines, Counts()), bill.Bill(DAY, known, "USD", "all", False))
    assert [(one.service, one.reckoned and round(one.reckoned, 6), one.billed) for one in found] == [
        ("AWS Step Functions", 0.525, 0.5),
        ("AWS Lambda", 0.401, 0.41),
        ("AmazonCloudWatch", None, 0.11),
        ("Amazon API Gateway", 0.1, None),
    ]


# ------------------------------------------------------------------ the command


@pytest.fixture
def called(explorer: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    _, _, client = explorer
    target = Target("AWS", "ona-platform-dev", client)
    target.__dict__["outputs"] = {"Environment": "dev"}
    used = Usage([Use("ooda", "detect", "lambda_request", 1_000_000)])
    monkeypatch.setattr(command, "resolve", lambda *_: target)
    monkeypatch.setattr(reading, "read", lambda *_: used)

    def call(*words: str) -> str:
        done = CliRunner().invoke(
            cli.app, ["cost", "--region", "eu-central-1", *words], env={"COLUMNS": "160"}
        )
        assert done.exit_code == 0, done.output
        return done.output

    return call


def test_the_command_prints_both_and_how_late_the_bill_is(explorer: Any, called: Any) -> None:
    stub, _, _ = explorer
    stub.add_response("get_cost_and_usage", answer(group("AWS Lambda", "0.19")))
    said = called("--day", "2026-11-20")
    line = next(line for line in said.splitlines() if "AWS Lambda" in line)
    assert [cell.strip() for cell in line.split("│")[1:4]] == ["AWS Lambda", "0.200000", "0.190000"]
    assert "Cost Explorer: 0.190000 USD for 2026-11-20" in said
    late = "up to 24 h late"
    assert late not in said
    stub.add_response("get_cost_and_usage", answer(group("AWS Lambda", "0.19")))
    assert late in called("--day", str(datetime.now(UTC).date() - timedelta(days=1)))


def test_without_the_right_the_reckoned_cost_is_told_all_the_same(explorer: Any, called: Any) -> None:
    stub, _, _ = explorer
    for _ in range(2):
        stub.add_client_error("get_cost_and_usage", "AccessDeniedException", "not authorized")
    said = called("--day", "2026-11-20")
    assert "0.200000 USD by the list prices" in said
    assert "no figures of Cost Explorer: the profile may not ask" in said
    document = json.loads(called("--day", "2026-11-20", "--json"))
    assert document["usd"] == pytest.approx(0.2)
    assert "ce:GetCostAndUsage" in document["cost_explorer"]["missing"]


def test_nobody_is_asked_where_that_is_not_wanted(explorer: Any, called: Any) -> None:
    _, asked, _ = explorer
    assert json.loads(called("--no-cost-explorer", "--json"))["cost_explorer"] is None
    assert "Cost Explorer" not in called("--no-cost-explorer")
    assert asked == []
