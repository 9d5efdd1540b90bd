"""Every hook into ministack and moto, tried: an upgrade that breaks one is seen here at once."""

from __future__ import annotations

import io
import json
import sys
import time
import types
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.hooks import distributed_map, executions
from local.hooks.base import HookBroken, private, replace
from tests.workflow.conftest import Platform

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("cloud")]
ROLE = "arn:aws:iam::000000000000:role/test"


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


class Lab:
    """Throw-away machines and functions beside the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.states = platform.states
        self.functions = platform.target.client("lambda")

    def machine(self, definition: dict[str, Any]) -> str:
        answer = self.states.create_state_machine(
            name=unique("lab"), definition=json.dumps(definition), roleArn=ROLE
        )
        return str(answer["stateMachineArn"])

    def start(self, definition: dict[str, Any], given: Any = None) -> str:
        answer = self.states.start_execution(
            stateMachineArn=self.machine(definition), name=unique("run"), input=json.dumps(given or {})
        )
        return str(answer["executionArn"])

    def run(self, definition: dict[str, Any], given: Any = None) -> dict[str, Any]:
        return self.platform.wait(self.start(definition, given))

    def jsonata(self, output: Any, given: Any = None, assign: dict[str, Any] | None = None) -> Any:
        first = {"Type": "Pass", "Assign": assign or {}, "Next": "B"}
        done = self.run(
            {
                "QueryLanguage": "JSONata",
                "StartAt": "A",
                "States": {"A": first, "B": {"Type": "Pass", "Output": output, "End": True}},
            },
            given,
        )
        return json.loads(done["output"]) if done["status"] == "SUCCEEDED" else done

    def function(self, source: str, **settings: Any) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("app.py", source)
        answer = self.functions.create_function(
            FunctionName=unique("fn"),
            Runtime="python3.13",
            Handler="app.handler",
            Role=ROLE,
            Code={"ZipFile": buffer.getvalue()},
            **settings,
        )
        return str(answer["FunctionArn"])

    def bucket(self, **objects: bytes) -> str:
        name = unique("lab")
        self.platform.s3.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "af-south-1"}
        )
        for key, body in objects.items():
            self.platform.s3.put_object(Bucket=name, Key=key, Body=body)
        return name


@pytest.fixture
def lab(platform: Platform) -> Lab:
    return Lab(platform)


def task(resource: str, arguments: Any, **more: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **more}
    return {"QueryLanguage": "JSONata", "StartAt": "T", "States": {"T": state}}


# ------------------------------------------------------------------ how hooks hold on


def test_a_private_name_that_is_gone_is_named() -> None:
    module = types.ModuleType("somewhere")
    with pytest.raises(HookBroken, match=r"somewhere\._gone"):
        private(module, "_gone")
    with pytest.raises(HookBroken, match=r"somewhere\._gone"):
        replace(module, "_gone", 1)


# ------------------------------------------------------------------ Lambda


def test_a_handlers_exception_has_its_class_as_error_type(lab: Lab) -> None:
    arn = lab.function(
        "class Poisoned(ValueError): pass\nn = 0\n"
        "def handler(e, c):\n    global n\n    n += 1\n"
        "    if e.get('raise'): raise Poisoned('bad row')\n    return n\n"
    )
    answer = lab.functions.invoke(FunctionName=arn, Payload=b'{"raise": 1}')
    body = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert (body["errorType"], body["errorMessage"]) == ("Poisoned", "bad row")
    assert body["stackTrace"]
    again = lab.functions.invoke(FunctionName=arn, Payload=b"{}")
    assert json.loads(again["Payload"].read()) == 2, "the sandbox lives on after an exception"


def test_retry_and_catch_match_by_the_class(lab: Lab) -> None:
    arn = lab.function("class Odd(Exception): pass\ndef handler(e, c): raise Odd('x')\n")
    definition = task(
        "arn:aws:states:::lambda:invoke",
        {"FunctionName": arn, "Payload": {}},
        Catch=[
            {"ErrorEquals": ["Other"], "Next": "No"},
            {"ErrorEquals": ["Odd"], "Output": "{% $states.errorOutput %}", "Next": "Yes"},
        ],
    )
    definition["States"] |= {"Yes": {"Type": "Succeed"}, "No": {"Type": "Fail"}}
    done = lab.run(definition)
    assert done["status"] == "SUCCEEDED", done
    assert json.loads(done["output"])["Error"] == "Odd"


def test_a_worker_that_dies_is_an_exit_error_and_a_slow_one_timed_out(lab: Lab) -> None:
    dying = lab.function("import os\ndef handler(e, c): os._exit(3)\n")
    body = json.loads(lab.functions.invoke(FunctionName=dying, Payload=b"{}")["Payload"].read())
    assert body["errorType"] == "Runtime.ExitError"
    slow = lab.function("import time\ndef handler(e, c): time.sleep(5)\n", Timeout=1)
    body = json.loads(lab.functions.invoke(FunctionName=slow, Payload=b"{}")["Payload"].read())
    assert body["errorType"] == "Sandbox.Timedout"


def test_opt_is_where_the_layer_lies(lab: Lab) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("settings/a.txt", "from the layer")
    layer = lab.functions.publish_layer_version(
        LayerName=unique("layer"), Content={"ZipFile": buffer.getvalue()}
    )["LayerVersionArn"]
    arn = lab.function(
        "import os, pathlib\n"
        "def handler(e, c): return (pathlib.Path(os.environ['WHERE']) / 'a.txt').read_text()\n",
        Layers=[layer],
        Environment={"Variables": {"WHERE": "/opt/settings"}},
    )
    answer = lab.functions.invoke(FunctionName=arn, Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == "from the layer"


def test_a_package_built_for_another_machine_uses_this_environments_dependencies(lab: Lab) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "app.py", "import yaml\ndef handler(e, c): return [yaml.__version__, mine.X]\nimport mine"
        )
        archive.writestr("mine.py", "X = 7")
        archive.writestr("yaml/__init__.py", "from yaml._yaml import nothing")
        archive.writestr("yaml/_yaml.cpython-313-aarch64-linux-gnu.so", "")
    arn = lab.function("", Timeout=20)
    lab.functions.update_function_code(FunctionName=arn, ZipFile=buffer.getvalue())
    answer = lab.functions.invoke(FunctionName=arn, Payload=b"{}")
    version, mine = json.loads(answer["Payload"].read())
    assert (version[0], mine) == ("6", 7)


def test_a_shared_library_of_another_machine_is_noticed_without_a_python_tag(lab: Lab) -> None:
    """xgboost's library carries no tag in its name; its ELF header tells the machine."""
    header = bytearray(Path(sys.executable).resolve().read_bytes()[:20])
    header[18:20] = b"\xb7\x00" if header[18:20] != b"\xb7\x00" else b"\x3e\x00"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "import yaml\ndef handler(e, c): return yaml.__version__")
        archive.writestr("yaml/__init__.py", "raise OSError('cannot open shared object file')")
        archive.writestr("yaml/lib/libyaml.so", bytes(header))
    arn = lab.function("", Timeout=20)
    lab.functions.update_function_code(FunctionName=arn, ZipFile=buffer.getvalue())
    answer = lab.functions.invoke(FunctionName=arn, Payload=b"{}")
    assert json.loads(answer["Payload"].read())[0] == "6"


def test_a_failed_asynchronous_invocation_reaches_the_functions_dead_letter_queue(lab: Lab) -> None:
    """The template's DeadLetterQueue survives the deployment."""
    target = lab.platform.target
    config = lab.functions.get_function_configuration(FunctionName=target.function("order"))
    assert config["DeadLetterConfig"]["TargetArn"].endswith("ona-function-dead-letters-dev")


# ------------------------------------------------------------------ CloudFormation


def test_ttl_and_execution_logs_survive_the_deployment(lab: Lab) -> None:
    target = lab.platform.target
    ttl = target.client("dynamodb").describe_time_to_live(TableName="ona-platform-weather-cache")
    assert ttl["TimeToLiveDescription"]["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    lab.platform.put_and_wait(b"")
    events = target.client("logs").filter_log_events(logGroupName="/aws/vendedlogs/states/ona-ooda-dev")
    kinds = {json.loads(event["message"])["type"] for event in events["events"]}
    assert {"ExecutionStarted", "TaskStateEntered", "ExecutionSucceeded"} <= kinds


# ------------------------------------------------------------------ S3 and EventBridge


def test_object_events_carry_the_version_and_rules_filter_by_wildcard(lab: Lab) -> None:
    lab.platform.put_and_wait(b"", key="observations/2025/06/10/x.CSV")
    newest = lab.platform.executions()[0]["executionArn"]
    event = json.loads(lab.states.describe_execution(executionArn=newest)["input"])
    head = lab.platform.s3.head_object(
        Bucket=lab.platform.target.input_bucket, Key="observations/2025/06/10/x.CSV"
    )
    assert event["detail"]["object"]["version-id"] == head["VersionId"]


# ------------------------------------------------------------------ JSONata


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$states.input.a + 1", 3),
        ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(0, 10, 5)", [0, 5, 10]),
        ("$hash('x', 'SHA-256')", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
        ("$parse('{\"z\": [1]}').z[0]", 1),
        ("$count($states.input.rows[kind='b'])", 1),
        ("$substring('abcdef', 1, 3)", "bcd"),
        ("$encodeUrlComponent('a b/ü')", "a%20b%2F%C3%BC"),
        ("$exists($states.input.nothing)", False),
        ("$text", 'quote " and \\ backslash\nnew line {% x %} é'),
    ],
)
def test_jsonata_expressions(lab: Lab, expression: str, expected: Any) -> None:
    given = {"a": 2, "rows": [{"kind": "a"}, {"kind": "b"}]}
    text = 'quote " and \\ backslash\nnew line {% x %} é'
    assign = {"text": "{% $states.input.text %}"}
    got = lab.jsonata({"v": "{% " + expression + " %}"}, {**given, "text": text}, assign)
    assert got == {"v": expected}


def test_an_undefined_result_fails_by_name(lab: Lab) -> None:
    done = lab.jsonata({"v": "{% $states.input.nothing.at.all %}"})
    assert (done["status"], done["error"]) == ("FAILED", "States.QueryEvaluationError")


def test_uuid_and_random_vary(lab: Lab) -> None:
    got = lab.jsonata({"a": "{% $uuid() %}", "b": "{% $uuid() %}", "r": "{% $random() %}"})
    assert got["a"] != got["b"]
    assert 0 <= got["r"] < 1


# ------------------------------------------------------------------ maps


def distributed(**more: Any) -> dict[str, Any]:
    state = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Arguments": {"Bucket": "{% $states.input.bucket %}", "Key": "{% $states.input.key %}"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "P",
            "States": {"P": {"Type": "Pass", "End": True}},
        },
        "End": True,
        **more,
    }
    return {"QueryLanguage": "JSONata", "StartAt": "M", "States": {"M": state}}


CSV = b"id,amount\n1,10\n2,20\n3,30\n"


def test_a_distributed_map_reads_csv_and_selects(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    done = lab.run(
        distributed(ItemSelector={"v": "{% $states.context.Map.Item.Value.id %}"}),
        {"bucket": bucket, "key": "rows"},
    )
    assert json.loads(done["output"]) == [{"v": "1"}, {"v": "2"}, {"v": "3"}]
    runs = lab.states.list_map_runs(executionArn=done["executionArn"])["mapRuns"]
    assert len(runs) == 1


def test_items_are_batched(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"f": 1}}
    done = lab.run(distributed(ItemBatcher=batcher), {"bucket": bucket, "key": "rows"})
    output = json.loads(done["output"])
    assert [len(batch["Items"]) for batch in output] == [2, 1]
    assert output[0]["BatchInput"] == {"f": 1}


def test_a_batcher_with_a_selector_is_refused_by_name(lab: Lab) -> None:
    with pytest.raises(ClientError, match="ItemBatcher together with ItemSelector"):
        lab.machine(distributed(ItemBatcher={"MaxItemsPerBatch": 2}, ItemSelector={"x": 1}))
    assert distributed_map.batches([1, 2, 3], {"MaxItemsPerBatch": 2}) == [
        {"Items": [1, 2]},
        {"Items": [3]},
    ]


def test_json_lines_are_read(lab: Lab) -> None:
    bucket = lab.bucket(rows=b'{"i": 1}\n{"i": 2}\n')
    definition = distributed()
    definition["States"]["M"]["ItemReader"]["ReaderConfig"] = {"InputType": "JSONL"}
    done = lab.run(definition, {"bucket": bucket, "key": "rows"})
    assert json.loads(done["output"]) == [{"i": 1}, {"i": 2}]


def test_results_are_written_to_s3(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    writer: dict[str, Any] = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Arguments": {"Bucket": bucket, "Prefix": "results"},
    }
    done = lab.run(distributed(ResultWriter=writer), {"bucket": bucket, "key": "rows"})
    assert done["status"] == "SUCCEEDED", done
    where = json.loads(done["output"])["ResultWriterDetails"]
    manifest = json.loads(lab.platform.s3.get_object(Bucket=bucket, Key=where["Key"])["Body"].read())
    result = manifest["ResultFiles"]["SUCCEEDED"][0]["Key"]
    rows = json.loads(lab.platform.s3.get_object(Bucket=bucket, Key=result)["Body"].read())
    assert [json.loads(row["Output"])["id"] for row in rows] == ["1", "2", "3"]
    writer["Arguments"]["Prefix"] = "{% $states.input.prefix %}"
    with pytest.raises(ClientError, match="JSONata in a ResultWriter"):
        lab.machine(distributed(ResultWriter=writer))


def test_a_whole_number_as_tolerated_percentage_is_taken(lab: Lab) -> None:
    bucket = lab.bucket(rows=CSV)
    definition = distributed(ToleratedFailurePercentage=50)
    assert lab.run(definition, {"bucket": bucket, "key": "rows"})["status"] == "SUCCEEDED"


# ------------------------------------------------------------------ executions


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Nope"}}}, "no state 'Nope'"),
        ({"StartAt": "X", "States": {"A": {"Type": "Pass", "End": True}}}, "no state 'X'"),
        ({"StartAt": "A", "States": {"A": {"Type": "Nonsense"}}}, "SCHEMA_VALIDATION_FAILED"),
    ],
)
def test_a_bad_definition_is_refused_when_it_is_created(lab: Lab, definition: Any, told: str) -> None:
    with pytest.raises(ClientError, match=told):
        lab.machine(definition)
    checked = lab.states.validate_state_machine_definition(definition=json.dumps(definition))
    assert checked["result"] == "FAIL"
    good = lab.machine({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    with pytest.raises(ClientError, match=told):
        lab.states.update_state_machine(stateMachineArn=good, definition=json.dumps(definition))


def test_a_task_token_wakes_the_execution(lab: Lab) -> None:
    sqs = lab.platform.target.client("sqs")
    url = sqs.create_queue(QueueName=unique("tokens"))["QueueUrl"]
    arguments = {"QueueUrl": url, "MessageBody": {"token": "{% $states.context.Task.Token %}"}}
    outcomes = []
    for tell in ("success", "failure"):
        arn = lab.start(
            task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", arguments, HeartbeatSeconds=20)
        )
        deadline = time.monotonic() + 15
        messages: list[Any] = []
        while not messages and time.monotonic() < deadline:
            messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
        token = json.loads(messages[0]["Body"])["token"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
        if tell == "success":
            lab.states.send_task_heartbeat(taskToken=token)
            lab.states.send_task_success(taskToken=token, output='{"ok": 1}')
        else:
            lab.states.send_task_failure(taskToken=token, error="Refused", cause="no")
        outcomes.append(lab.platform.wait(arn))
    assert json.loads(outcomes[0]["output"]) == {"ok": 1}
    assert (outcomes[1]["status"], outcomes[1]["error"]) == ("FAILED", "Refused")


def test_a_running_execution_can_be_stopped(lab: Lab) -> None:
    definition = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3000, "End": True}}}
    arn = lab.start(definition)
    time.sleep(0.5)
    lab.states.stop_execution(executionArn=arn, error="Enough", cause="test")
    assert lab.platform.wait(arn)["status"] == "ABORTED"


def test_waits_are_scaled_but_retries_are_made(lab: Lab) -> None:
    arn = lab.function("class Busy(Exception): pass\ndef handler(e, c): raise Busy('x')\n")
    definition = task(
        "arn:aws:states:::lambda:invoke",
        {"FunctionName": arn, "Payload": {}},
        Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 30, "MaxAttempts": 3, "BackoffRate": 1}],
    )
    done = lab.run(definition)
    history = lab.states.get_execution_history(executionArn=done["executionArn"], maxResults=500)
    assert sum(event["type"] == "TaskScheduled" for event in history["events"]) == 4
    assert (done["status"], done["error"]) == ("FAILED", "Busy")


def test_service_calls_have_awss_shapes(lab: Lab) -> None:
    """An object as S3 body is written as JSON; a body that is read comes back as text."""
    bucket = lab.bucket()
    put = task(
        "arn:aws:states:::aws-sdk:s3:putObject", {"Bucket": bucket, "Key": "a b/ü.json", "Body": {"x": [1]}}
    )
    assert lab.run(put)["status"] == "SUCCEEDED"
    get = task(
        "arn:aws:states:::aws-sdk:s3:getObject",
        {"Bucket": bucket, "Key": "a b/ü.json"},
        Output="{% $parse($states.result.Body) %}",
    )
    assert json.loads(lab.run(get)["output"]) == {"x": [1]}
    copy = task(
        "arn:aws:states:::aws-sdk:s3:copyObject",
        {
            "Bucket": bucket,
            "Key": "copy",
            "CopySource": "{% '" + bucket + "/' & $encodeUrlComponent('a b/ü.json') %}",
        },
    )
    assert lab.run(copy)["status"] == "SUCCEEDED"


def test_what_it_cannot_do_is_refused_by_name(lab: Lab) -> None:
    with pytest.raises(ClientError, match="cannot do TestState"):
        lab.states.test_state(
            definition=json.dumps({"Type": "Pass", "End": True}), roleArn=ROLE, input="{}"
        )
    with pytest.raises(ClientError, match="RedriveExecution"):
        lab.states.redrive_execution(executionArn=f"{lab.platform.target.machine}:x")


def test_definitions_in_yaml_are_read() -> None:
    assert executions.problems("StartAt: A\nStates:\n  A: {Type: Pass, End: true}\n") == []
    nested = {"StartAt": "M", "States": {"M": {"Type": "Map", "End": True, "ItemProcessor": {
        "StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Gone"}}}}}}  # fmt: skip
    assert executions.missing_targets(nested) == ["/States/M/ItemProcessor/States/A: no state 'Gone'"]


def test_gateway_responses_of_an_imported_body_are_given(lab: Lab) -> None:
    """SAM puts them into the OpenAPI body; a refused caller gets our envelope, not API Gateway's words."""
    api = lab.platform.target.client("apigateway")
    found = api.get_gateway_responses(restApiId=lab.platform.target.outputs["ApiId"])["items"]
    kept = {item["responseType"]: item for item in found if not item["defaultResponse"]}
    assert kept["UNAUTHORIZED"]["statusCode"] == "401"
    assert '"code":"UNAUTHORIZED"' in kept["UNAUTHORIZED"]["responseTemplates"]["application/json"]
