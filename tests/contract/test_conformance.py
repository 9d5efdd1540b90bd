"""The conformance suite: our files are sound, a broken one is refused, and a valid oddity is not.

The broken ones are made of our own files: each permission and each demanded field is taken away in turn.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.conformance import creation, endings, machines, maps, rendered, suite, tasks
from ops.conformance.findings import Finding, states
from ops.conformance.machines import Machine
from ops.conformance.policy import allows
from tests.paths import ROOT

TEMPLATES = rendered.plain_templates(ROOT / "template.yaml")
WITH_IMAGE = next(
    item
    for item in rendered.deployments(ROOT / "template.yaml", TEMPLATES)
    if item.choice["TrainingImageUri"] and item.choice["Environment"] == "dev"
)
MACHINES = {
    machine.name.removeprefix("ona-").removesuffix("-dev"): machine
    for stack in WITH_IMAGE.stacks.values()
    for machine in machines.machines(stack)
}


def broken(name: str, change: Callable[[Any], object]) -> list[Finding]:
    """What the suite finds in one of our machines once its definition is changed."""
    machine = MACHINES[name]
    definition = copy.deepcopy(machine.definition)
    change(definition)
    return suite.check_machine(replace(machine, definition=definition))


def given_by(application: str) -> set[str]:
    """The applications whose outputs an application of the root takes, and those that they take."""
    resources = rendered.read_template(ROOT / "template.yaml")["Resources"]
    found, left = set(), [application]
    while left:
        text = json.dumps(resources[left.pop()])
        fresh = set(re.findall(r'"(\w+)(?:\.|", ")Outputs\.', text)) - found
        found, left = found | fresh, [*left, *fresh]
    return found


def state(definition: Any, name: str) -> Any:
    return next(item for path, item, _ in states(definition) if path.split("/")[-1] == name)


def test_every_machine_and_role_fits_under_every_combination_of_conditions() -> None:
    assert [str(item) for item in suite.check(ROOT / "template.yaml", TEMPLATES)] == []


def test_every_workflow_is_checked_and_every_condition_takes_both_values() -> None:
    files = {path.stem.removesuffix(".asl") for path in (ROOT / "statemachines").glob("*/*.asl.yaml")}
    assert {name.replace("-", "_") for name in MACHINES} == files
    seen: dict[tuple[str, str], set[bool]] = {}
    everywhere = (rendered.deployments, rendered.elsewhere)
    for deployment in (item for some in everywhere for item in some(ROOT / "template.yaml", TEMPLATES)):
        for stack in deployment.stacks.values():
            for name, value in stack.conditions.items():
                seen.setdefault((stack.name, name), set()).add(value)
    # Front exists with its domain only, so what stands in it may know one value. Who hears of a budget is
    # chosen where its stack is deployed alone; the root always gives the topic.
    one = {key for key, values in seen.items() if len(values) < 2 and key[0] != "Front"}
    assert one == {("OperationsBudget", "HasEmail"), ("OperationsBudget", "HasTopic")}


# ------------------------------------------------------------------ roles


def without_each_grant(machine: Machine) -> Iterator[tuple[str, Machine]]:
    """The machine, each pair of action and resource taken from its role in turn."""
    for index, statement in enumerate(machine.role.statements):
        actions = machines._listed(statement["Action"])
        resources = machines._listed(statement["Resource"])
        for field, values in (("Action", actions), ("Resource", resources)):
            for value in values:
                left = [item for item in values if item != value]
                rest = [*machine.role.statements]
                rest[index] = {**statement, field: left}
                yield (
                    f"{statement['Sid']} {value}",
                    replace(machine, role=replace(machine.role, statements=rest)),
                )


@pytest.mark.parametrize("name", MACHINES)
def test_a_permission_that_is_taken_away_is_missed(name: str) -> None:
    tried = 0
    for label, poorer in without_each_grant(MACHINES[name]):
        assert any(item.rule == "role" for item in suite.check_role(poorer)), label
        tried += 1
    assert tried > 10
    assert any(
        "xray:" in item.text
        for item in suite.check_role(replace(MACHINES[name], role=replace(MACHINES[name].role, managed=[])))
    )
    nobody = replace(MACHINES[name], role=replace(MACHINES[name].role, trusted=["lambda.amazonaws.com"]))
    assert any(item.rule == "trust" for item in creation.check(nobody))


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ({"Sid": "X", "Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "*"}, "least privilege"),
        ({"Sid": "X", "Effect": "Deny", "Action": "lambda:*", "Resource": "*"}, "role"),
    ],
)
def test_a_statement_too_many_is_named(statement: dict[str, Any], rule: str) -> None:
    machine = MACHINES["ooda"]
    statements = [*machine.role.statements, statement]
    found = suite.check_role(replace(machine, role=replace(machine.role, statements=statements)))
    assert rule in {item.rule for item in found}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lambda:InvokeFunction", "lambda:Invoke*"),
        ("s3:PutObject", "S3:putobject"),
        ("arn:aws:s3:::ona-dev-output-111122223333/outcomes/*", "arn:aws:s3:::ona-dev-output-*/outcomes/*"),
    ],
)
def test_wildcards_and_case_in_a_role_are_no_fault(old: str, new: str) -> None:
    machine = MACHINES["ooda"]
    statements = json.loads(json.dumps(machine.role.statements).replace(f'"{old}"', f'"{new}"'))
    assert statements != machine.role.statements or old not in json.dumps(machine.role.statements)
    changed = replace(machine, role=replace(machine.role, statements=statements))
    assert [item for item in suite.check_role(changed) if item.rule == "role"] == []


def test_a_permission_with_a_condition_is_not_counted_on() -> None:
    machine = MACHINES["ooda"]
    statements = [{**machine.role.statements[0], "Condition": {"Bool": {}}}, *machine.role.statements[1:]]
    found = suite.check_role(replace(machine, role=replace(machine.role, statements=statements)))
    assert any("lambda:InvokeFunction" in item.text for item in found)


@pytest.mark.parametrize(
    ("condition", "counted_on"),
    [
        ({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["upload#*"]}}, True),
        ({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["upload#*"], "aws:Tag": ["x"]}}, False),
        ({"StringEquals": {"aws:PrincipalTag/team": "plant"}}, False),
    ],
)
def test_a_condition_on_items_keys_only_is_left_to_the_call(condition: Any, counted_on: bool) -> None:
    allow = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "arn:t", "Condition": condition}
    assert allows([allow], "dynamodb:PutItem", "arn:t") is counted_on


# ------------------------------------------------------------------ definitions


def each_demanded_field(definition: Any) -> Iterator[tuple[str, Callable[[Any], object]]]:
    """Every field that AWS demands of our states, with what takes it away."""
    for path, item, _ in states(definition):
        name = path.split("/")[-1]
        demanded = {"Type", "Resource", "ItemProcessor", "Choices", "ResultWriter"} & item.keys()
        if item["Type"] not in ("Choice", "Succeed", "Fail"):
            demanded |= {"Next", "End"} & item.keys()
        if item["Type"] == "Task":
            demanded.add("TimeoutSeconds")
        for field in demanded:
            yield f"{path}.{field}", lambda d, n=name, f=field: state(d, n).pop(f)
        for group, field in (("Catch", "Next"), ("Catch", "ErrorEquals"), ("Retry", "ErrorEquals")):
            if group in item:
                yield (
                    f"{path}.{group}.{field}",
                    lambda d, n=name, g=group, f=field: state(d, n)[g][0].pop(f),
                )
        if item["Type"] == "Task":
            integration, _ = tasks.integrations.find(item["Resource"])
            assert integration is not None
            for member in integration.operation.input_shape.required_members:
                field = tasks.arguments.pascal(member)
                yield (
                    f"{path}.Arguments.{field}",
                    lambda d, n=name, f=field: state(d, n)["Arguments"].pop(f),
                )
        if maps.distributed(item):
            for holder, field in (
                ("ItemReader", "Bucket"),
                ("ResultWriter", "Bucket"),
                ("ResultWriter", "Prefix"),
            ):
                yield (
                    f"{path}.{holder}.{field}",
                    lambda d, n=name, h=holder, f=field: state(d, n)[h]["Arguments"].pop(f),
                )


@pytest.mark.parametrize("name", MACHINES)
def test_a_demanded_field_that_is_taken_away_is_missed(name: str) -> None:
    changes = dict(each_demanded_field(MACHINES[name].definition))
    assert len(changes) > 15
    for label, change in changes.items():
        assert broken(name, change), label
    assert broken(name, lambda d: d.pop("StartAt"))


def put(path: str, value: Any) -> Callable[[Any], object]:
    """Sets a field by its path from a state: `Detect.Arguments.Qualifier`; numbers are places in lists."""

    def change(definition: Any) -> None:
        first, *steps = path.split(".")
        holder = state(definition, first)
        for step in steps[:-1]:
            holder = holder[int(step) if step.isdigit() else step]
        last = steps[-1]
        holder[int(last) if last.isdigit() else last] = value

    return change


BROKEN = [
    ("ooda", put("Detect.Resource", "arn:aws:states:::lambda:invoke.sync"), "does not exist: patterns are"),
    ("ooda", put("Detect.Resource", "arn:aws:states:::bedrock:invokeModel"), "does not know arn:aws:states:::bed"),
    ("ooda", put("Detect.Resource", "arn:aws:states:::aws-sdk:s3:putobject"), "does not know"),
    ("ooda", put("Detect.Parameters", {}), "a Task has no Parameters in JSONata"),
    ("ooda", put("Detect.ResultPath", "$.x"), "a Task has no ResultPath in JSONata"),
    ("ooda", put("Detect.Arguments.Payload", {"key.$": "$.x"}), "key.$ is JSONPath"),
    ("ooda", put("Detect.Arguments.functionName", "x"), "has no functionName; AWS writes FunctionName"),
    ("ooda", put("Detect.Arguments.LogType", "All"), "'All' is none of"),
    ("ooda", put("Detect.Output", "{% $states.result.payload %}"), "the answer has no payload"),
    ("ooda", put("Detect.Next", "Nowhere"), "names no state: 'Nowhere'"),
    ("ooda", put("Detect.Next", "Done"), "no state leads here"),
    ("ooda", put("Detect.TimeoutSeconds", 99_999), "above the machine's"),
    ("ooda", put("Detect.HeartbeatSeconds", 270), "HeartbeatSeconds is not below"),
    ("ooda", put("Detect.TimeoutSeconds", 0), "TimeoutSeconds is 0"),
    ("ooda", put("Detect.Retry.0.BackoffRate", 0.5), "BackoffRate is 0.5"),
    ("ooda", put("Detect.Retry.0.JitterStrategy", "HALF"), "JitterStrategy is FULL or NONE"),
    ("ooda", put("Detect.Retry.0.ErrorEquals", ["States.Runtime"]), "States.Runtime can never occur"),
    ("ooda", put("Detect.Catch.0.ErrorEquals", ["States.Runtime"]), "States.Runtime can never occur"),
    ("ooda", put("Detect.Catch.0.ErrorEquals", ["States.ALL"]), "States.ALL stands alone, and in the last rule"),
    ("ooda", put("Detect.Catch.1.ErrorEquals", ["States.ALL", "X"]), "States.ALL stands alone"),
    ("ooda", put("Detect.Catch.0.ErrorEquals", ["Lambda.TooManyRequests"]), "Lambda has no such error"),
    ("ooda", put("Detect.Catch.0.ErrorEquals", ["States.HeartbeatTimeout"]), "does not raise it"),
    ("ooda", put("LogAlert.Retry.0.ErrorEquals", ["DynamoDB.RequestLimitExceeded"]), "has no such error"),
    ("ooda", put("LogAlert.Retry.0.ErrorEquals", ["DynamoDb.ThrottlingException"]), "begin with DynamoDB."),
    ("ooda", put("LogAlert.Retry.0.ErrorEquals", ["DependencyBusy"]), "only a function's own code"),
    ("ooda", put("Detect.Retry.0.ErrorEquals", ["Lambda.ServiceException"]), "Lambda.ClientExecutionTimeoutException"),
    ("ooda", put("Order.Retry", []), "no rule tries again after Lambda.AWSLambdaException and Lambda.ClientExec"),
    ("ooda", put("LogAlert.Retry", []), "no rule tries again after States.TaskFailed and States.Timeout"),
    ("ooda", put("LogAlert.Retry.3.ErrorEquals", ["DynamoDB.ThrottlingException"]), "no rule tries again after"),
    ("ooda", put("WriteReason.Retry.0.ErrorEquals", ["States.TaskFailed"]), "no rule tries again after States.Timeout"),
    ("fleet-history", put("CountFiles.Retry.0.ErrorEquals", ["States.Timeout"]), "again after States.TaskFailed"),
    ("ooda", put("OrderEach.Catch.0.ErrorEquals", ["States.ItemReaderFailed"]), "does not raise it"),
    ("ooda", put("LogAlert.Arguments.Item", {"alert_id": {"X": "1"}}), "has no X"),
    ("ooda", put("WriteReason.Arguments.ContentType", 5), "must be a string, is int"),
    ("ooda", put("Detect.Output", "{% $eval('1') %}"), "$eval does not exist on AWS"),
    ("ooda", put("Detect.Output", "{% $states.results %}"), "$states.results does not exist"),
    ("ooda", put("Detect.Output", "{% $states.errorOutput %}"), "of a Catch only"),
    ("ooda", put("Detect.Arguments", "{% {'FunctionName': $states.result} %}"), "Task, Map and Parallel only"),
    ("ooda", put("Name.Output", "{% $states.result %}"), "Task, Map and Parallel only"),
    ("ooda", put("Detect.Output", "{% $states.context.Execution.Arn %}"), "the context has no Execution.Arn"),
    ("ooda", put("Detect.Output", "{% $states.context.Task.Token %}"), ".waitForTaskToken only"),
    ("ooda", put("Detect.Output", "{% $states.context.Map.Item.Index %}"), "inside an inline map only"),
    ("ooda", put("Detect.Output", "{% $sourec %}"), "$sourec is assigned nowhere"),
    ("ooda", put("Detect.Output", "{% $.key %}"), "has nothing to be read from"),
    ("ooda", put("Detect.Output", "{% key %}"), "has nothing to be read from"),
    ("ooda", put("Detect.Output", "{% $states.input.( %}"), "cannot be parsed"),
    ("ooda", put("Detect.Output", "key: {% $states.input %}"), "the whole text of a field"),
    ("ooda", put("Detect.Assign", {"states": 1}), "$states, which is reserved"),
    ("ooda", put("Order.Assign", {"schedule": 1}), "assigns $schedule, which an outer scope has"),
    ("ooda", put("OrderEach.MaxConcurrency", 100), "runs 40 at once at most"),
    ("ooda", put("OrderEach.ToleratedFailurePercentage", 5), "an inline map has no ToleratedFailurePercentage"),
    ("ooda", put("OrderEach.ResultWriter", {}), "an inline map has no ResultWriter"),
    ("fleet-history", put("EachFile.ResultWriter", {"WriterConfig": {"OutputType": "JSON"}}), "about 800 children"),
    ("fleet-history", put("EachFile.ResultWriter.Parameters", {}), "has Arguments in JSONata, not Parameters"),
    ("fleet-history", put("EachFile.ResultWriter.Resource", "arn:aws:states:::aws-sdk:s3:putObject"), "cannot write"),
    ("fleet-history", put("EachFile.ResultWriter.WriterConfig", {"Transformation": "FLAT"}), "Transformation is"),
    ("fleet-history", put("EachFile.ItemReader.Resource", "arn:aws:states:::s3:listObjects"), "cannot read by"),
    ("fleet-history", put("EachFile.ItemReader.Resource", "arn:aws:states:::s3:getObject"), "needs Key"),
    ("fleet-history", put("EachFile.Items", "{% [1] %}"), "exclude each other"),
    ("fleet-history", put("EachFile.ItemBatcher", {"BatchInput": {}}), "needs MaxItemsPerBatch"),
    ("fleet-history", put("EachFile.ItemBatcher", {"MaxInputBytesPerBatch": 300_000}), "262144 bytes"),
    ("fleet-history", put("EachFile.ToleratedFailurePercentage", 101), "between 0 and 100"),
    ("fleet-history", put("EachFile.MaxConcurrency", 20_000), "MaxConcurrency is at most 10000"),
    ("fleet-history", put("EachFile.Label", "a file"), "letters without spaces"),
    ("fleet-history", put("EachFile.ItemProcessor.ProcessorConfig", {"Mode": "DISTRIBUTED"}), "ExecutionType"),
    ("fleet-history", put("DetectHistory.Output", "{% $prefix %}"), "$prefix is assigned nowhere in reach"),
    ("fleet-history", put("DetectHistory.Output", "{% $states.context.Map.Item.Value %}"), "inline map only"),
    ("fleet-history", put("CountFiles.Output", "{% $states.result.ItemCounts.Done %}"), "no ItemCounts.Done"),
    ("fleet-history", put("CountFiles.Resource", "arn:aws:states:::aws-sdk:stepfunctions:describeMapRun"), "not know"),
    ("forecast-training", put("AskForContainer.Arguments.Entries.0.Detail", {}), "passes no task token on"),
    ("forecast-training", put("Publish.Arguments.Entries.0.EventBus", "x"), "has no EventBus"),
    ("forecast-training", put("Publish.Arguments.Entries.0.Detail", "{% $states.input %}"), "other environments hear"),
    ("forecast-training", put("AskForContainer.Arguments.Entries.0.Detail.environment", "prod"), "other environments"),
    ("ooda", put("Publish.Arguments.Entries.0.Detail.environment", None), "other environments hear it too"),
    ("forecast-training-container", put("TrainInContainer.Arguments.LaunchType", "LAMBDA"), "'LAMBDA' is none of"),
    ("forecast-training-container", put("TrainInContainer.Arguments.cluster", "x"), "AWS writes Cluster"),
    ("forecast-training-container", put("TrainInContainer.Output", "{% $states.result.Tasks %}"), "no Tasks"),
    ("forecast-training-container", put("TrainInContainer.Resource", "arn:aws:states:::ecs:runTask.sync:2"), "patterns"),
    ("forecast-training-container", put("AnswerTrained.Arguments.Output", {"a": 1}), "must be a string, is dict"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "text"), BROKEN, ids=[f"{n}: {t}" for n, _, t in BROKEN])
def test_what_aws_refuses_is_found(name: str, change: Callable[[Any], object], text: str) -> None:
    assert any(text in item.text for item in broken(name, change)), [str(i) for i in broken(name, change)]


SOUND = [
    ("ooda", put("Detect.Arguments.Qualifier", "live"), "role"),  # allowed once the role has the alias
    ("ooda", put("Detect.Retry.1.ErrorEquals", ["Sandbox.Timedout", "Runtime.ExitError", "MyOwnError"]), ""),
    ("ooda", put("Detect.Catch.0.ErrorEquals", ["Lambda.ResourceNotFoundException"]), ""),
    ("ooda", put("LogAlert.Retry.0.ErrorEquals", ["DynamoDB.InternalServerErrorException"]), ""),
    ("ooda", put("LogAlert.Retry.0.ErrorEquals", ["DynamoDB.AmazonDynamoDBException"]), ""),
    ("ooda", put("LogAlert.Retry.3.ErrorEquals", ["States.ALL"]), ""),
    ("ooda", put("LogAlert.Retry.0.ErrorEquals", ["States.Permissions"]), ""),
    ("forecast-training", put("AskForContainer.Retry", []), ""),  # would ask for two trainings
    ("forecast-training-container", put("TrainInContainer.Retry", []), ""),  # would run two containers
    ("ooda", put("Detect.Output", "{% 'a text with $eval(1) and $sourec in it' %}"), ""),
    ("ooda", put("Detect.Output", "{% ($x := 1; $f := function($y){$y + $x}; $f(2)) %}"), ""),
    ("ooda", put("Detect.Output", "{% $states.result.Payload.anything.at.all[$ > 1] %}"), ""),
    ("ooda", put("Detect.Output", "{% $map([1, 2], function($v, $i){$v * $i}) %}"), ""),
    ("ooda", put("Detect.Output", "{% $uuid() & $hash('x', 'MD5') & $string($range(1, 3, 1)) %}"), ""),
    ("ooda", put("Detect.Output", "{% [1..3].($ * 2) %}"), ""),
    ("ooda", put("Detect.Output", "{% {'a': 1} ~> |$|{'b': 2}| %}"), ""),
    ("ooda", put("Detect.Output", "{% $states.result.SdkHttpMetadata.HttpStatusCode %}"), ""),
    ("ooda", put("Order.Output", "{% $states.context.Map.Item.Index & $states.context.State.RetryCount %}"), ""),
    ("ooda", put("Detect.TimeoutSeconds", "{% 60 + 1 %}"), ""),
    ("ooda", put("Detect.Comment", "{% no expression, a comment"), ""),
    ("ooda", put("WriteReason.Arguments.Body", {"any": ["json", 1]}), ""),
    ("ooda", put("Publish.Arguments.Entries.0.Detail", "{% $states.input %}"), "bus"),  # of no environment
    ("ooda", put("Publish.Arguments.Entries.0.Detail", "{% $merge([{'environment': 'dev'}, $states.input]) %}"), ""),
    ("forecast-training", put("AskForContainer.Arguments.Entries.0.Detail.more", "{% $plan %}"), ""),
    ("fleet-history", put("EachFile.ToleratedFailureCount", 3), ""),
    ("fleet-history", put("EachFile.ToleratedFailurePercentage", 0.5), ""),
    ("fleet-history", put("EachFile.MaxConcurrency", 0), ""),
    ("fleet-history", put("EachFile.ItemBatcher", {"MaxItemsPerBatch": 10}), ""),
    ("fleet-history", put("EachFile.ResultWriter.WriterConfig", {"Transformation": "FLATTEN"}), ""),
    ("fleet-history", put("EachFile.Catch.0.ErrorEquals", ["States.ResultWriterFailed"]), ""),
    ("fleet-history", put("EachFile.Label", "Anything-else_1"), ""),
    ("forecast-training-container", put("TrainInContainer.Output", "{% $states.result.StopCode %}"), ""),
    ("forecast-training-container", put("TrainInContainer.Output", "{% $states.result.Containers[0].ExitCode %}"), ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change", "rule"), SOUND, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(SOUND)]
)
def test_what_looks_wrong_and_is_right_passes(
    name: str, change: Callable[[Any], object], rule: str
) -> None:
    found = [item for item in broken(name, change) if item.rule != "least privilege"]
    assert [str(item) for item in found if item.rule != rule] == []


# ------------------------------------------------------------------ templates


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "            - {Sid: DeadLetters, Effect: Allow, Action: sqs:SendMessage, Resource: !Ref WorkflowDeadLetterQueueArn}\n",
            "            - Fn::If: [HasTrainingContainer, {Sid: DeadLetters, Effect: Allow, Action: sqs:SendMessage, "
            "Resource: !Ref WorkflowDeadLetterQueueArn}, !Ref AWS::NoValue]\n",
            "needs sqs:SendMessage",
        ),
        (
            "        OutputBucket: !Ref OutputBucket\n      Logging",
            "        OutputBucket: !Ref TrainingCluster\n      Logging",
            "refers to TrainingCluster, which exists only if HasTrainingContainer",
        ),
        (
            "  StateMachineArn: {Description: Training, Value: !Ref ForecastTrainingStateMachine}",
            "  StateMachineArn: {Condition: HasTrainingContainer, Value: !Ref ForecastTrainingStateMachine}",
            "reads output StateMachineArn of ForecastTraining, which is not there",
        ),
        (
            "  TrainingTaskRole:\n    Type: AWS::IAM::Role\n    Condition: HasTrainingContainer\n",
            "  TrainingTaskRole:\n    Type: AWS::IAM::Role\n    Condition: HasTrainingRole\n",
            "refers to TrainingTaskRole.Arn, which exists only if HasTrainingRole",
        ),
        (
            '              Resource: !Sub "${OutputBucketArn}/models/*"\n',
            '              Resource: !Sub "${TrainingSubnets}/models/*"\n',
            "'/models/*' in KeepModels is no ARN",
        ),
        (
            '      Name: !Sub "ona-forecast-training-${Environment}"\n',
            "      Name: !Ref TrainingSubnets\n",
            "StateMachineName is empty",
        ),
        (
            "- {Sid: AnswerByToken, Effect: Allow, Action: [states:SendTaskSuccess, states:SendTaskFailure], Resource: \"*\"}",
            "- {Sid: AnswerByToken, Effect: Allow, Action: [states:SendTaskSuccess, states:SendTaskFailure], "
            "Resource: !Ref ForecastTrainingStateMachine}",
            "states:SendTaskSuccess has no resource on AWS",
        ),
        (
            "Action: s3:ListBucket, Resource: [!Ref InputBucketArn, !Ref OutputBucketArn]}",
            'Action: s3:ListBucket, Resource: [!Ref InputBucketArn, !Sub "${OutputBucketArn}/*"]}',
            "s3:ListBucket is about a bucket; an object stands there",
        ),
        (
            "            - {Sid: RunTheContainer, Effect: Allow, Action: ecs:RunTask, Resource: !Ref TrainingTaskDefinition}\n",
            "",
            "needs ecs:RunTask",
        ),
        (
            ", detail: {environment: [!Ref Environment]}}",
            "}",
            "its pattern takes events of any environment of the account",
        ),
        (
            ", detail: {environment: [!Ref Environment]}}",
            ", detail: {environment: [dev, staging, prod]}}",
            "its pattern takes events of any environment of the account",
        ),
    ],
)  # fmt: skip
def test_what_is_there_under_a_condition_only_is_missed_where_it_is_not(
    tmp_path: Path, old: str, new: str, text: str
) -> None:
    for folder in ("stacks", "statemachines"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "template.yaml", tmp_path)
    path = tmp_path / "stacks" / "forecast_training.yaml"
    content = path.read_text()
    assert old in content
    content = content.replace(
        "Conditions:\n", "Conditions:\n  HasTrainingRole: !Equals [!Ref Environment, prod]\n"
    )
    path.write_text(content.replace(old, new))
    changed = rendered.read_template(path)
    one = rendered.Unread()
    for kind in ("configs", "layers", "functions"):
        (tmp_path / kind).symlink_to(ROOT / kind)
    templates = {  # of the others only those whose outputs this one is given
        **{name: TEMPLATES[name] for name in given_by("ForecastTraining")},
        "ForecastTraining": rendered.transform(
            one.package(changed, path.parent), {"Release": "0" * 12}, "af-south-1"
        ),
    }
    found = suite.check(tmp_path / "template.yaml", templates)
    assert any(text in item.text for item in found), [str(item) for item in found]


# ------------------------------------------------------------------ capacity


@pytest.mark.parametrize(
    ("first", "target", "found"),
    [
        (5, {}, []),
        (50, {}, []),  # all of it
        (0, {}, ["begins with 0 provisioned"]),
        (51, {}, ["begins with 51 provisioned"]),
        (5, {"ResourceId": "function:ona-forecastingApi-prod:other"}, ["begins with 0 provisioned"]),
        (0, {"ScalableDimension": "dynamodb:table:ReadCapacityUnits"}, []),
    ],
)
def test_capacity_that_is_scaled_begins_within_its_bounds(
    first: int, target: dict[str, Any], found: list[str]
) -> None:
    stack = next(
        copy.copy(item.stacks["Forecasting"])
        for item in rendered.deployments(ROOT / "template.yaml", TEMPLATES)
        if item.choice["Environment"] == "prod" and item.choice["ReservedConcurrency"] != "0"
    )
    stack.__dict__["resources"] = changed = copy.deepcopy(stack.resources)
    config = {"ProvisionedConcurrentExecutions": first} if first else {}
    changed["ForecastingApiFunctionAliaslive"]["Properties"]["ProvisionedConcurrencyConfig"] = config
    changed["ForecastingApiCapacity"]["Properties"] |= target
    texts = [item.text for item in suite.check_stack(stack) if item.rule == "capacity"]
    assert len(texts) == len(found)
    assert all(part in text for part, text in zip(found, texts, strict=True))


# ------------------------------------------------------------------ endings


def _without_rule(machine: Machine) -> Machine:
    stack = copy.copy(machine.stack)
    kept = {name: item for name, item in stack.resources.items() if not name.endswith("Unfinished")}
    stack.__dict__["resources"] = kept
    return replace(machine, stack=stack)


def _with_rule(machine: Machine, change: Callable[[Any], object]) -> Machine:
    stack = copy.copy(machine.stack)
    changed = copy.deepcopy(stack.resources)
    for name, item in changed.items():
        if name.endswith("Unfinished"):
            change(item["Properties"])
    stack.__dict__["resources"] = changed
    return replace(machine, stack=stack)


def _ending(machine: Machine) -> list[str]:
    return [str(item) for item in endings.check(machine)]


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_that_can_fail_reaches_a_letter(name: str) -> None:
    assert _ending(MACHINES[name]) == []


@pytest.mark.parametrize("name", [name for name in MACHINES if not name.endswith("container")])
def test_without_its_rule_each_pass_that_computes_is_named(name: str) -> None:
    found = _ending(_without_rule(MACHINES[name]))
    assert any("no rule writes a letter" in item for item in found)
    assert any(item.startswith(("Receive:", "Name:", "Locate:")) for item in found), found


def _detail(properties: Any) -> Any:
    return properties["EventPattern"]["detail"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: _detail(p)["$or"].pop(0), "misses TIMED_OUT"),
        (lambda p: _detail(p)["$or"][0]["status"].remove("ABORTED"), "misses ABORTED"),
        (lambda p: _detail(p)["$or"].pop(1), "misses FAILED"),
        (lambda p: _detail(p)["$or"][1].pop("cause"), "takes FAILED"),
        (lambda p: _detail(p).pop("$or"), "takes SUCCEEDED"),
        (lambda p: p.update(Targets=[]), "sends to no queue"),
        (lambda p: p["Targets"][0].pop("DeadLetterConfig"), "no dead-letter queue of its own"),
    ],
)
def test_a_rule_that_misses_or_takes_too_much_is_named(change: Callable[[Any], object], words: str) -> None:
    assert any(words in item for item in _ending(_with_rule(MACHINES["ooda"], change)))


@pytest.mark.parametrize(
    ("name", "where", "change"),
    [
        ("fleet-history", "EachFile/DetectHistory", lambda s: s.pop("Catch")),
        ("fleet-history", "EachFile/SendFileToDeadLetterQueue", lambda s: s["Catch"].pop(0)),
        ("forecast-schedule", "EachSite/Forecast", lambda s: s.pop("Catch")),
        ("forecast-schedule", "EachSite/WhichTask", lambda s: s.pop("Default")),
        (
            "forecast-schedule",
            "EachSite/WhichTask",
            lambda s: s["Choices"][0].update(Condition="{% $number($states.input.task) = 1 %}"),
        ),
        ("ooda", "Locate", lambda s: s.setdefault("Assign", {}).update(written="dead letter written: ")),
        ("ooda", "Failed", lambda s: s.update(Cause="dead letter written: ")),
    ],
)
def test_a_failure_of_which_nobody_is_told_is_named(
    name: str, where: str, change: Callable[[Any], object]
) -> None:
    machine = MACHINES[name]
    definition = copy.deepcopy(machine.definition)
    change(next(item for path, item, _ in states(definition) if path == where))
    found = [item.where for item in endings.check(replace(machine, definition=definition))]
    assert found == [where]


def test_a_choice_that_only_compares_needs_nothing() -> None:
    """The distractor: it looks like an expression that fails, and has a value for every input."""
    machine = MACHINES["forecast-schedule"]
    definition = copy.deepcopy(machine.definition)
    item = next(item for path, item, _ in states(definition) if path == "EachSite/WhichTask")
    item["Choices"][0]["Condition"] = "{% $not($states.input.task = 'x' or $exists($states.input.y.z)) %}"
    assert list(endings.check(replace(machine, definition=definition))) == []
