"""The real state machine with the real handlers on every path; faults are injected, not assumed."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
import urllib3
from typer.testing import CliRunner

from delivery.deliver import notifications
from ona.documents.assets import AssetRegistry
from ona.outbox.addresses import by_mail
from ops import accounting, customers, deadletters, dismissal, explain, mapresults, outbox, seed
from ops.cli import app, executions
from ops.demo import inbox
from ops.demo.follow import run_task
from ops.messages import DeadLetter
from tests.builders.assets import make_asset
from tests.builders.telemetry import DAY, dead_from, sunny_day, to_csv
from tests.fakes import mailbox
from tests.fakes.platform import Platform
from tests.paths import ROOT

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]


def path_of(platform: Platform, arn: str) -> list[str]:
    return [step.name for step in explain.steps(explain.history(platform.target, arn))]


def attempts(platform: Platform, arn: str, state: str) -> int:
    steps = explain.steps(explain.history(platform.target, arn))
    return sum(step.attempts for step in steps if step.name == state)


def test_a_dead_inverter_becomes_a_work_order(platform: Platform) -> None:
    done = platform.put_and_wait(dead_from(9))
    assert done["status"] == "SUCCEEDED", done
    assert path_of(platform, done["executionArn"]) == [
        "Receive",
        "Judge",
        "Locate",
        "Name",
        "Detect",
        "AnythingFound",
        "Diagnose",
        "Schedule",
        "HowMuch",
        "OrderEach",
        "Order",
        "RecordOutcome",
        "Publish",
        "AskSites",
        "Done",
    ]
    visited = explain.steps(explain.history(platform.target, done["executionArn"]))
    assert [step.name for step in visited if step.output is None] == []
    output = json.loads(done["output"])
    assert len(done["output"]) < 20_000, "payloads stay small"
    assert [order["status"] for order in output["orders"]] == ["ordered"]

    diagnostic = platform.read(output["diagnosis"]["diagnostics"][0]["key"])
    finding = diagnostic["findings"][0]
    assert (finding["category"], finding["subcategory"]) == ("OEM Fault", "component_failure")
    order = platform.read(output["orders"][0]["work_order"]["key"])
    assert order["asset_id"] == "INV-001"
    assert order["bill_of_materials"][0]["sku"] == "SG110CX-PM-R"
    risk = order["energy_at_risk"]
    assert risk["roi_days"] == pytest.approx(order["total_cost_usd"] / risk["daily_loss_usd"], abs=0.06)
    assert order["crew_assignment"]["technician_count"] == 2

    tracked = {item["job_id"]: item for item in platform.table("Tracking")}
    assert tracked[order["work_order_id"]]["status"] == "OPEN"
    assert f"open#{finding['finding_key']}" in tracked
    messages = platform.messages()
    assert len(messages) == 1
    assert order["work_order_id"] in messages[0]["Message"]
    told = {name: item["Value"] for name, item in messages[0]["MessageAttributes"].items()}
    assert (told["event"], told["priority"], told["site_id"]) == ("opened", "critical", "site")
    document = json.loads(told["order"])
    assert document["work_order_id"] == order["work_order_id"]
    assert document["order"]["bill_of_materials"][0]["sku"] == "SG110CX-PM-R"
    assert platform.messages() == [], "told once"
    assert platform.letters() == []
    assert [item.state for item in accounting.account(platform.target)] == ["done"]


def test_an_order_is_followed_from_open_to_verified_complete(platform: Platform) -> None:
    """Through the API as an operator's system does it, on the real routes; telemetry has the last word."""
    key = customers.add_key(platform.target, "default", "standard")

    def call(method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        answer = urllib3.request(
            method,
            f"{platform.target.api_url}{path}",
            body=None if body is None else json.dumps(body),
            headers={"X-API-Key": key, "Content-Type": "application/json"},
            timeout=60,
            retries=False,
        )
        document = json.loads(answer.data)
        assert set(document) == {"success", "data", "metadata", "errors"}
        return answer.status, document["data"] or document["errors"]

    def verify() -> dict[str, int]:
        return run_task(platform.target, "operations_api", "verify")

    platform.put_and_wait(dead_from(9))
    status, page = call("GET", "/ops/work-orders?status=OPEN")
    assert status == 200
    [order] = page["work_orders"]
    path = f"/ops/work-orders/{order['work_order_id']}"
    _, visits = call("GET", "/ops/schedule")
    assert [visit["start"] for visit in visits["visits"]] == [order["scheduled_start"]]
    _, incidents = call("GET", "/ops/incidents?state=open")
    assert [incident["kind"] for incident in incidents["incidents"]] == ["outage"]

    with inbox.Listener() as listener:
        status, made = call("POST", f"{path}/subscriptions", {"kind": "webhook", "endpoint": listener.url})
        assert status == 200
        listener.secret = made["secret"]
        assert platform.deliver()["failed"] == 0
        moved = {"version": 1, "status": "IN_PROGRESS", "assignees": ["Thandi"]}
        assert call("PATCH", path, moved)[0] == 200
        assert call("PATCH", path, {"version": 1, "status": "ON_HOLD"})[0] == 409
        platform.deliver()
    assert [(item["event"], item["version"]) for item in listener.heard] == [("opened", 1), ("status", 2)]
    assert listener.refused == 0
    subscription = f"{path}/subscriptions/{made['subscription_id']}"
    assert call("DELETE", subscription)[0] == 200
    assert call("DELETE", subscription)[0] == 404
    done = {"version": 2, "status": "COMPLETE", "completed_at": "2025-06-10T16:00:00Z", "actual_hours": 3.5}
    assert call("PATCH", path, done)[0] == 200
    assert verify() == {"verified": 0, "still_there": 0, "waiting": 1}

    platform.put_and_wait(sunny_day(day=DAY + timedelta(days=1)))
    assert verify() == {"verified": 1, "still_there": 0, "waiting": 0}
    _, told = call("GET", path)
    assert told["state"]["verified_at"]
    assert [entry["status"] for entry in told["history"]] == ["OPEN", "IN_PROGRESS", "COMPLETE", "COMPLETE"]
    assert "days told after the work: 1" in told["history"][-1]["note"]
    _, incidents = call("GET", "/ops/incidents?state=open")
    assert incidents["incidents"] == []
    status, problems = call("GET", "/ops/work-orders/wo-20250101-00000000")
    assert (status, problems[0]["code"]) == (404, "NOT_FOUND")


def test_many_bad_files_make_one_message_and_undelivered_messages_are_sent_again(
    platform: Platform,
) -> None:
    for number in range(5):
        platform.put(b"", key=f"observations/2025/06/10/bad-{number}_20250610.csv")
    for number in range(5):
        platform.ended("ooda", f"bad-{number}_20250610.csv")
    [message] = platform.messages()
    assert message["Subject"] == "[medium] 5 notices"
    assert message["Message"].count("empty_file") == 5

    platform.put_and_wait(dead_from(9))
    key = customers.add_key(platform.target, "default", "standard")
    answer = urllib3.request(
        "GET", f"{platform.target.api_url}/ops/work-orders", headers={"X-API-Key": key}
    )
    name = json.loads(answer.data)["data"]["work_orders"][0]["work_order_id"]
    with inbox.Listener() as listener:
        made = urllib3.request(
            "POST",
            f"{platform.target.api_url}/ops/work-orders/{name}/subscriptions",
            body=json.dumps({"kind": "webhook", "endpoint": listener.url}),
            headers={"X-API-Key": key, "Content-Type": "application/json"},
        )
        assert made.status == 200
        told = platform.deliver()
        assert (told["failed"], listener.refused) == (1, 1), "a receiver without the secret refuses it"
        items = outbox.items(platform.target)
        assert [(item.lane, item.attempts) for item in items] == [("send", 1)]
        assert "HTTP 401" in items[0].last_error
        dynamodb = platform.target.client("dynamodb")
        dynamodb.update_item(  # as after three days of this
            TableName=platform.target.outputs["OutboxTableName"],
            Key={"delivery_id": {"S": items[0].delivery_id}},
            UpdateExpression="SET next_at = :past, first_failed_at = :past",
            ExpressionAttributeValues={":past": {"S": "2025-01-01T00:00:00Z"}},
        )
        assert platform.deliver()["dead"] == 1
        [letter] = deadletters.look(platform.target, deadletters.OUTBOX).letters
        assert letter.body["delivery_id"] == items[0].delivery_id
        listener.secret = json.loads(made.data)["data"]["secret"]
        platform.target.client("sqs").send_message(  # the same delivery may be given up twice
            QueueUrl=platform.target.outputs[deadletters.OUTBOX], MessageBody=json.dumps(letter.body)
        )
        assert outbox.redrive(platform.target) == [items[0].delivery_id]
        assert platform.deliver()["told"] == 1
        assert [item["work_order_id"] for item in listener.heard] == [name]
    assert outbox.items(platform.target) == []
    assert deadletters.look(platform.target, deadletters.OUTBOX).letters == []
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = platform.target.client("sqs").get_queue_attributes(
        QueueUrl=platform.target.outputs[deadletters.OUTBOX], AttributeNames=counts
    )["Attributes"]
    assert [left[name] for name in counts] == ["0", "0"], "none is only hidden"


def test_mail_reaches_the_address_that_follows_an_order_and_no_other(platform: Platform) -> None:
    sqs = platform.target.client("sqs")
    inboxes = {}
    sns, shared = platform.target.client("sns"), platform.target.outputs["SubscribersTopicArn"]
    for address in ("thandi@example.com", "other@example.com"):  # what SNS would send to each of them
        own = notifications.own_topic("default", by_mail(address).name).partition("/")[2]
        topic = sns.create_topic(Name=f"{shared.rsplit(':', 1)[-1]}-{own}")["TopicArn"]
        inboxes[address] = inbox.subscribed_queue(platform.target, f"mail-{address.split('@')[0]}", topic)
    platform.put_and_wait(dead_from(9))
    key = customers.add_key(platform.target, "default", "standard")
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    answer = urllib3.request(
        "GET", f"{platform.target.api_url}/ops/work-orders", headers=headers, timeout=60
    )
    name = json.loads(answer.data)["data"]["work_orders"][0]["work_order_id"]
    body = json.dumps({"kind": "email", "endpoint": "thandi@example.com"})
    path = f"{platform.target.api_url}/ops/work-orders/{name}/subscriptions"
    subscribed = urllib3.request("POST", path, body=body, headers=headers, timeout=60)
    assert subscribed.status == 200
    assert platform.deliver()["failed"] == 1, "its owner is asked first"
    mailbox.confirm(platform.home, "thandi@example.com")
    waiting = {"delivery_id": {"S": f"{name}@{by_mail('thandi@example.com').name}"}}
    platform.target.client("dynamodb").update_item(  # as if ten minutes had passed
        TableName=platform.target.outputs["OutboxTableName"],
        Key=waiting,
        UpdateExpression="SET next_at = :now",
        ExpressionAttributeValues={":now": {"S": "2025-01-01T00:00:00Z"}},
    )
    assert platform.deliver()["failed"] == 0
    got = {
        address: sqs.receive_message(QueueUrl=url).get("Messages", []) for address, url in inboxes.items()
    }
    assert [len(received) for received in got.values()] == [1, 0]
    assert name in json.loads(got["thandi@example.com"][0]["Body"])["Message"]
    # taken off: the address's topic goes with its subscription, the shared one stays
    each = json.loads(subscribed.data)["data"]["subscription_id"]
    assert urllib3.request("DELETE", f"{path}/{each}", headers=headers, timeout=60).status == 200
    assert platform.deliver()["failed"] == 0
    topics = {item["TopicArn"] for item in sns.list_topics()["Topics"] if shared in item["TopicArn"]}
    assert topics == {shared, topic}, "the other address's is no address of ours"
    assert not [item for item in platform.table("Outbox") if item["delivery_id"].startswith("address#")]


def test_a_sound_day_is_recorded_and_ends(platform: Platform) -> None:
    done = platform.put_and_wait(sunny_day())
    assert path_of(platform, done["executionArn"]) == [
        "Receive",
        "Judge",
        "Locate",
        "Name",
        "Detect",
        "AnythingFound",
        "RecordNothingFound",
        "Done",
    ]
    outcome = platform.read(platform.keys("outcomes/")[0])
    assert outcome["outcome"] == "nothing_found"
    detection = platform.read(outcome["detection"]["key"])
    assert detection["assets"][0]["quality"]["completeness_percent"] == 100.0
    assert platform.keys("telemetry/") == ["telemetry/site=site/day=2025-06-10/INV-001.parquet"]
    assert platform.messages() == []


BAD = {
    "empty_file": b"",
    "no_rows": b"timestamp,asset_id,temperature_c,voltage_v,power_kw\n",
    "binary_file": b"PK\x03\x04xx",
    "unknown_asset": to_csv(sunny_day("INV-404")),
    "line_too_long": b"timestamp,asset_id\n" + b"7" * 200_000,
    "line_endings": to_csv(sunny_day()).replace(b"\n", b"\r"),
    "power_kw_not_a_number": to_csv(sunny_day().assign(power_kw="abc")),
    "power_kw_out_of_range": to_csv(sunny_day().assign(power_kw="1e308")),
    "no_power": to_csv(sunny_day().assign(power_kw="")),
}


def test_a_mended_file_ends_the_work_of_its_bad_versions(platform: Platform) -> None:
    """Put again under the same key: the old letter goes, and the old version is not run again."""
    platform.put_and_wait(BAD["no_power"])
    [letter] = platform.letters()
    assert dismissal.dismiss(platform.target, letter)
    assert [item.state for item in accounting.account(platform.target)] == ["dismissed"]
    platform.put_and_wait(BAD["no_power"])
    platform.put_and_wait(to_csv(sunny_day()))
    told = accounting.read(platform.target)
    assert [item.state for item in told.files] == ["dismissed", "replaced", "done"]
    taken: list[DeadLetter] = []
    deadletters.redrive(platform.target, [], told.replaced, taken)
    assert [one.body["input"]["detail"]["object"]["version-id"] for one in taken] == [
        told.files[1].version_id
    ]


@pytest.mark.parametrize("reason", BAD)
def test_an_invalid_file_is_quarantined_with_its_reason_and_not_retried(
    platform: Platform, reason: str
) -> None:
    done = platform.put_and_wait(BAD[reason])
    arn = done["executionArn"]
    assert done["status"] == "SUCCEEDED", done
    assert attempts(platform, arn, "Detect") == 1
    key = f"observations/{DAY:%Y/%m/%d}/INV-001_{DAY:%Y%m%d}.csv"
    assert f"quarantine/{key}" in platform.keys("quarantine/")
    stored = platform.s3.get_object(Bucket=platform.target.output_bucket, Key=f"quarantine/{key}")
    assert stored["Body"].read() == BAD[reason], "kept as it came"
    told = platform.read(f"quarantine/{key}.reason.json")
    assert told["reason"] == reason
    assert told["message"]
    assert told["remedy"]
    letters = platform.letters()
    assert [letter.body["kind"] for letter in letters] == ["quarantine"]
    assert letters[0].body["input"]["detail"]["object"]["key"] == key
    message = platform.messages()[0]
    assert reason in message["Subject"]
    assert told["remedy"] in message["Message"]
    assert [item.state for item in accounting.account(platform.target)] == ["quarantined"]

    again = platform.wait(platform.start(platform.event(key)))
    assert again["status"] == "SUCCEEDED"
    assert len(platform.letters()) == 1, "a second delivery adds no letter"
    assert platform.messages() == [], "and tells nobody twice"


def test_a_machine_that_nobody_could_watch_by_day_is_a_finding(platform: Platform) -> None:
    """Words for power from morning to evening: the file is judged, and somebody is told to mend it."""
    day = sunny_day().astype({"power_kw": object})
    day.loc[day["timestamp"].dt.hour.between(4, 15), "power_kw"] = "fault"
    done = platform.put_and_wait(day)
    assert done["status"] == "SUCCEEDED", done
    output = json.loads(done["output"])
    assert output["outcome"] == "found"
    [key] = platform.keys("diagnostics/")
    [finding] = platform.read(key)["findings"]
    assert finding["cause"] == "data_quality_issue"
    assert "power_kw_not_a_number" in finding["description"]
    [job] = platform.read(output["schedule"]["key"])["jobs"]
    assert job["finding_id"] == finding["finding_id"]
    assert platform.letters() == []


@pytest.mark.parametrize(
    "name",
    [
        "observations/../../etc/passwd.csv",
        "observations/2025/06/10/INV 001 '&ü+%20.csv",
        "observations//.csv",
        "observations/2025/99/99/INV-001.csv",
    ],
)
def test_tricks_in_keys_do_no_harm(platform: Platform, name: str) -> None:
    done = platform.put_and_wait(b"", key=name)
    assert done["status"] == "SUCCEEDED", done
    assert json.loads(done["output"])["rejection"]["reason"] == "empty_file"
    assert f"quarantine/{name}" in platform.keys("quarantine/")
    platform.reset()
    good = platform.put_and_wait(sunny_day(), key=name)
    assert json.loads(good["output"])["outcome"] == "nothing_found", good


def test_an_error_that_heals_is_retried_and_leaves_no_trace(platform: Platform) -> None:
    platform.inject("detect", {"error": "DependencyBusy"}, {"error": "DependencyBusy"})
    platform.inject("order", {"error": "exit"})
    done = platform.put_and_wait(dead_from(9))
    assert done["status"] == "SUCCEEDED", done
    assert attempts(platform, done["executionArn"], "Detect") == 3
    assert attempts(platform, done["executionArn"], "Order") == 2
    assert platform.letters() == []
    assert len(platform.keys("work-orders/")) == 1


def test_exhausted_retries_end_in_the_dead_letter_queue_and_a_redrive_heals(platform: Platform) -> None:
    platform.inject("diagnose", *[{"error": "DependencyBusy", "text": "throttled"}] * 6)
    done = platform.put_and_wait(dead_from(9))
    assert (done["status"], done["error"]) == ("FAILED", "DependencyBusy")
    assert attempts(platform, done["executionArn"], "Diagnose") == 6
    letter = platform.letters()[0]
    assert (letter.body["kind"], letter.body["state"], letter.body["error"]) == (
        "execution",
        "Diagnose",
        "DependencyBusy",
    )
    assert "throttled" in letter.reason
    assert letter.body["execution"] == done["executionArn"]
    assert [item.state for item in accounting.account(platform.target)] == ["dead letter"]

    sent = deadletters.redrive(platform.target)
    assert len(sent) == 1
    assert platform.wait(sent[0][1])["status"] == "SUCCEEDED"
    assert platform.letters() == []
    assert len(platform.keys("work-orders/")) == 1
    assert [item.state for item in accounting.account(platform.target)] == ["done"]


def test_bad_configuration_is_not_retried(platform: Platform) -> None:
    platform.inject("schedule", {"error": "InvalidConfiguration", "text": "loss_function.yaml: w_energy"})
    done = platform.put_and_wait(dead_from(9))
    assert attempts(platform, done["executionArn"], "Schedule") == 1
    assert "w_energy" in platform.letters()[0].reason


def fleet_with(*down: str) -> pd.DataFrame:
    """Six machines; each of these has a stop of its own, an hour and more after the one before it."""
    parts = {name: sunny_day(name) for name in (f"INV-{n:03d}" for n in range(1, 7))}
    for n, name in enumerate(down):
        hour = parts[name]["timestamp"].dt.hour
        parts[name].loc[hour.isin((7 + 3 * n, 8 + 3 * n)), "power_kw"] = 0.0
    return pd.concat(parts.values())


def test_one_failing_order_does_not_delay_the_others(platform: Platform) -> None:
    done = None
    probe = platform.put_and_wait(fleet_with("INV-002"), key="observations/2025/06/10/probe.csv")
    finding = json.loads(probe["output"])["orders"][0]["finding_id"]
    platform.reset()
    platform.inject("order", *[{"error": "InvalidPayload", "when": finding}])
    done = platform.put_and_wait(
        fleet_with("INV-002", "INV-004", "INV-005"), key="observations/2025/06/10/site_20250610.csv"
    )
    assert done["status"] == "SUCCEEDED", done
    states = sorted(order["status"] for order in json.loads(done["output"])["orders"])
    assert states == ["failed", "ordered", "ordered"]
    letters = platform.letters()
    assert [letter.body["kind"] for letter in letters] == ["order"]
    assert letters[0].body["item"]["finding_id"] == finding
    assert [item.state for item in accounting.account(platform.target)] == ["dead letter"]

    sent = deadletters.redrive(platform.target)
    again = json.loads(platform.wait(sent[0][1])["output"])
    assert [order["status"] for order in again["orders"]] == ["ordered"]
    assert again["already_ordered"] == 2
    assert len(platform.keys("work-orders/")) == 3
    assert [item.state for item in accounting.account(platform.target)] == ["done"]


def test_the_same_event_twice_makes_one_order_and_one_message(platform: Platform) -> None:
    first = platform.put_and_wait(dead_from(9))
    key = json.loads(first["output"])["source"]["key"]
    again = platform.wait(platform.start(platform.event(key)))
    assert json.loads(again["output"])["already_ordered"] == 1
    ids = [json.loads(item["output"])["detection"]["detection_id"] for item in (first, again)]
    assert ids[0] == ids[1]
    assert len(platform.keys("detections/")) == 1
    assert len(platform.keys("work-orders/")) == 1
    assert len(platform.messages()) == 1
    assert sum(len(crew.get("bookings", [])) for crew in platform.table("Crews")) == 1


def test_the_same_event_many_times_at_once_makes_one_order(platform: Platform) -> None:
    key = platform.put(dead_from(9), key="backfill/x.csv")
    arns = [platform.start(platform.event(key)) for _ in range(5)]
    done = [platform.wait(arn) for arn in arns]
    assert {item["status"] for item in done} == {"SUCCEEDED"}, done
    assert len(platform.keys("work-orders/")) == 1
    assert sum(len(crew.get("bookings", [])) for crew in platform.table("Crews")) == 1


def test_two_files_of_one_fault_share_one_booking_and_one_order(platform: Platform) -> None:
    """The loser of the race must not give back the crew that the winner's order stands on."""
    keys = [platform.put(dead_from(hour), key=f"backfill/{hour}.csv") for hour in (8, 9, 10)]
    done = [platform.wait(arn) for arn in [platform.start(platform.event(key)) for key in keys]]
    assert {item["status"] for item in done} == {"SUCCEEDED"}
    orders = [platform.read(key) for key in platform.keys("work-orders/")]
    bookings = [b for crew in platform.table("Crews") for b in crew.get("bookings", [])]
    assert len(orders) == len(bookings) == 1
    assert bookings[0]["start"] == orders[0]["scheduled_start"]


def test_executions_that_want_one_crew_never_book_it_twice(platform: Platform) -> None:
    names = [f"INV-{n:03d}" for n in range(1, 7)]
    # a site each, else all of one site down together is one fault, not six
    apart = AssetRegistry(assets=[make_asset(name, site_id=f"site-{name}") for name in names])
    platform.s3.put_object(
        Bucket=platform.target.input_bucket, Key="assets.json", Body=apart.model_dump_json().encode()
    )
    keys = [platform.put(dead_from(9, n), key=f"backfill/{n}.csv") for n in names]
    done = [platform.wait(arn) for arn in [platform.start(platform.event(key)) for key in keys]]
    assert {item["status"] for item in done} == {"SUCCEEDED"}, done
    crews = platform.table("Crews")
    assert sum(len(crew.get("bookings", [])) for crew in crews) == 6
    for crew in crews:
        # work that is continued on the next day keeps its crew on its days only, not the night between
        away = [day for b in crew.get("bookings", []) for day in b.get("days") or [b]]
        times: list[tuple[Any, Any]] = sorted((day["leaves"], day["returns"]) for day in away)
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(times)), times
    assert len(platform.keys("work-orders/")) == 6


def test_a_crew_is_booked_where_there_are_more_crews_than_jobs_at_once(platform: Platform) -> None:
    """Then a booking counts the crews that are out: one more write, in a table with rights of its own."""
    known = platform.table("Crews")
    more = [{**known[0], "crew_id": f"crew-9{n}", "bookings": []} for n in range(3)]
    assert seed.put_crews(platform.target, more) == len(more)
    done = platform.put_and_wait(dead_from(9))
    assert done["status"] == "SUCCEEDED", done
    assert [order["status"] for order in json.loads(done["output"])["orders"]] == ["ordered"]
    assert sum(len(crew.get("bookings", [])) for crew in platform.table("Crews")) == 1


def test_a_component_that_is_not_installed_is_refused_and_its_crew_given_back(platform: Platform) -> None:
    platform.inject("order", *[{"error": "InvalidPayload"}])
    failed = platform.put_and_wait(dead_from(9))
    assert json.loads(failed["output"])["orders"][0]["status"] == "failed"
    registry = json.loads(
        platform.s3.get_object(Bucket=platform.target.input_bucket, Key="assets.json")["Body"].read()
    )
    registry["assets"][0]["components"] = [
        {"oem": "SMA", "model": "STP", "serial": "1", "type": "inverter"}
    ]
    diagnosed = platform.keys("diagnostics/")[0]
    assert platform.read(diagnosed)["findings"][0]["component"]["oem"] == "Sungrow"
    schedule = json.loads(failed["output"])["schedule"]
    finding = json.loads(failed["output"])["orders"][0]["finding_id"]
    platform.s3.put_object(
        Bucket=platform.target.input_bucket, Key="assets.json", Body=json.dumps(registry).encode()
    )
    answer = platform.target.client("lambda").invoke(
        FunctionName=platform.target.function("order"),
        Payload=json.dumps(
            {"job": {"schedule": schedule, "finding_id": finding}, "execution_id": "by-hand"}
        ).encode(),
    )
    result = json.loads(answer["Payload"].read())
    assert result["status"] == "refused"
    assert "not installed" in result["reason"]
    assert sum(len(crew.get("bookings", [])) for crew in platform.table("Crews")) == 0
    assert platform.keys("work-orders/") == []
    told = [item for item in platform.table("Outbox") if item["delivery_id"].startswith("unattended#")]
    assert ["not installed" in item["text"] for item in told] == [True], "operators mend the registry"


def test_vendor_exports_dropped_as_they_are_go_through(platform: Platform) -> None:
    rows = "".join(
        f"2025-06-10 {h:02d}:{m:02d}:00,{max(0, 50 - abs(12 - h) * 9):.1f},512,1\n"
        for h in range(24)
        for m in (0, 15, 30, 45)
    )
    body = ("timestamp,power,inverter_state,run_state\n" + rows).encode()
    done = platform.put_and_wait(body, key="observations/2025/06/10/INV-003_20250610.csv")
    assert done["status"] == "SUCCEEDED", done
    record = platform.read(json.loads(done["output"])["detection"]["detection"]["key"])
    assert record["source_profile"] == "huawei_fusionsolar"
    assert record["assets"][0]["asset_id"] == "INV-003"


def test_files_that_are_not_telemetry_start_nothing(platform: Platform) -> None:
    before = len(platform.executions())
    platform.put(b"x", key="observations/2025/06/10/readme.txt")
    platform.put(b"x", key="reports/x.csv")
    platform.put_and_wait(sunny_day())
    assert len(platform.executions()) == before + 1
    states = {item.key: item.state for item in accounting.account(platform.target)}
    assert states["observations/2025/06/10/readme.txt"] == "ignored"


def test_the_sample_events_work_one_after_the_other(platform: Platform) -> None:
    """`ona invoke` with `events/` and `samples/`: each step takes what the last one left."""
    bucket = platform.target.input_bucket
    platform.s3.put_object(
        Bucket=bucket, Key="assets.json", Body=(ROOT / "samples" / "assets.json").read_bytes()
    )
    platform.s3.put_object(
        Bucket=bucket,
        Key="observations/2025/01/15/INV-001_20250115.csv",
        Body=(ROOT / "samples" / "INV-001_20250115.csv").read_bytes(),
    )
    results = {}
    for name in ("detect", "diagnose", "schedule", "order"):
        answer = platform.target.client("lambda").invoke(
            FunctionName=platform.target.function(name),
            Payload=(ROOT / "events" / "ooda" / f"{name}.json").read_bytes(),
        )
        results[name] = json.loads(answer["Payload"].read())
        assert "errorType" not in results[name], results[name]
    assert results["detect"]["status"] == "found"
    assert results["order"]["status"] in ("ordered", "already_ordered")
    event = json.loads((ROOT / "events" / "ooda" / "ooda.json").read_text())
    done = platform.wait(platform.start(event))
    assert json.loads(done["output"])["outcome"] == "found", done


def test_a_fleets_history_becomes_asset_histories_and_no_orders(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Distributed Map for real: three assets' weeks and one bad file, and the same again."""
    names = ["INV-001", "INV-002", "INV-003"]
    bucket = platform.target.input_bucket
    # planes are said: which files are read first decides what is fitted on the first day, and how surely
    registry = AssetRegistry(assets=[make_asset(name, tilt=27.0, azimuth=0.0) for name in names])
    platform.s3.put_object(
        Bucket=bucket, Key="assets.json", Body=json.dumps(registry.model_dump(mode="json")).encode()
    )
    missing_kwh = 0.0
    for name in names:
        weeks = [sunny_day(name, DAY - timedelta(days=n), seed=n) for n in range(20, 0, -1)]
        if name == "INV-002":
            for week in weeks[-3:]:
                missing_kwh += 0.4 * float(week["power_kw"].sum()) * 0.25  # readings of 15 minutes
                week["power_kw"] *= 0.6
        body = to_csv(pd.concat(weeks))
        platform.s3.put_object(Bucket=bucket, Key=f"backfill/2025/{name}.csv", Body=body)
    platform.s3.put_object(Bucket=bucket, Key="backfill/2025/broken.csv", Body=b"PK\x03\x04")
    done = platform.run({"prefix": "backfill/2025/"}, "fleet_history")
    assert done["status"] == "SUCCEEDED", done
    told = json.loads(done["output"])
    assert (told["outcome"], told["files"], told["done"], told["failed"]) == ("some_failed", 4, 3, 1)
    failed = list(mapresults.failed_items(platform.target, told["results"]))
    assert [(item.name, item.error) for item in failed] == [
        ("backfill/2025/broken.csv", "InvalidTelemetry")
    ]
    assert mapresults.summary(told, failed)[0] == "4 files: 3 done, 1 not accepted, 0 failed"
    assert len(done["output"]) < 1_000, "counts and a pointer, however many files there are"
    monkeypatch.setattr(executions, "resolve", lambda *_: platform.target)
    printed = CliRunner().invoke(app, ["explain", done["executionArn"].rsplit(":", 1)[-1]])
    assert "4 files: 3 done, 1 not accepted, 0 failed" in printed.output, printed.output
    histories = {name: platform.read(f"incidents/site/{name}.json") for name in names}
    assert all(len(history["days"]) == 20 for history in histories.values())
    assert [i["kind"] for i in histories["INV-002"]["incidents"]] == ["underperformance"]
    assert histories["INV-001"]["incidents"] == histories["INV-003"]["incidents"] == []
    letters = platform.letters()
    assert [letter.body["item"] for letter in letters] == ["backfill/2025/broken.csv"]
    assert letters[0].body["input"] == {"prefix": "backfill/2025/broken.csv"}, (
        "a redrive reads this file only"
    )
    assert (
        platform.target.client("s3")
        .list_objects_v2(Bucket=platform.target.output_bucket, Prefix="work-orders/")
        .get("KeyCount", 0)
        == 0
    )
    platform.run({"prefix": "backfill/2025/INV-"}, "fleet_history")
    again = {name: platform.read(f"incidents/site/{name}.json") for name in names}
    first, second = (h["INV-002"]["incidents"] for h in (histories, again))
    # the first of a site's files knew no neighbour; now they are there, and after that nothing changes
    assert [(i["incident_id"], i["kind"]) for i in second] == [(i["incident_id"], i["kind"]) for i in first]
    assert second[0]["lost_energy_kwh"] == pytest.approx(missing_kwh, rel=0.05)
    assert first[0]["lost_energy_kwh"] == pytest.approx(missing_kwh, rel=0.15)
    platform.run({"prefix": "backfill/2025/INV-"}, "fleet_history")
    third = {name: platform.read(f"incidents/site/{name}.json") for name in names}
    assert third["INV-002"]["incidents"] == second, "a run without news changes nothing"
    # the first day after it is judged by what the history taught
    day = sunny_day("INV-001", DAY)
    day["power_kw"] *= 0.7
    platform.s3.put_object(
        Bucket=bucket, Key=f"observations/{DAY:%Y/%m/%d}/INV-001_after_history.csv", Body=to_csv(day)
    )
    ended = platform.ended("ooda", "INV-001_after_history.csv")
    assert json.loads(ended["output"])["outcome"] == "found"
