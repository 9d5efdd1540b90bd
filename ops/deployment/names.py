"""The fixed names in the templates: what a deployment would make, and what has such a name already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.packaging import DeployError, Template, read_template
from local.root_template import (
    Application,
    Values,
    applications,
    check_rules,
    chosen_parameters,
    conditions,
)

NAMED_BY = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::StateMachine": "Name",
    "AWS::SSM::Parameter": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Events::Rule": "Name",
    "AWS::ECS::Cluster": "ClusterName",
}
"""Types whose names are the deployer's and must be free, each with the property that has the name."""


@dataclass(frozen=True)
class Named:
    """A resource with a fixed name."""

    application: str
    logical_id: str
    kind: str
    name: str


@dataclass(frozen=True)
class Plan:
    """What would be deployed: the root's parameters, its applications, and the values in each."""

    parameters: dict[str, str]
    applications: dict[str, Application]
    account: str
    region: str
    values: dict[str, Values] = field(default_factory=dict)

    def resources(self) -> Iterator[tuple[str, str, Template]]:
        """Application, logical id and resource of everything whose condition holds."""
        for name, application in self.applications.items():
            for logical_id, item in application.template["Resources"].items():
                condition = item.get("Condition")
                if condition is None or self.values[name].conditions[condition]:
                    yield name, logical_id, item

    def named(self) -> list[Named]:
        """Every resource with a fixed name."""
        found = []
        for application, logical_id, item in self.resources():
            given = item.get("Properties", {}).get(NAMED_BY.get(item["Type"], ""))
            if given is not None:
                name = self.values[application].of(given)
                found.append(Named(application, logical_id, item["Type"], str(name)))
        return found

    def reserved(self) -> dict[str, int]:
        """How many concurrent executions each function reserves, by its deployed name."""
        reserved = {}
        for application, _, item in self.resources():
            properties = item.get("Properties", {})
            amount = properties.get("ReservedConcurrentExecutions")
            if amount is not None and (text := self.values[application].of(amount)) is not None:
                reserved[str(self.values[application].of(properties["FunctionName"]))] = int(text)
        return reserved


def plan(template: Path, given: dict[str, str], *, account: str, region: str, rules: bool = True) -> Plan:
    """Read the templates with these parameters.

    Raises DeployError for parameters that the template or, with `rules`, its rules refuse.
    """
    root = read_template(template)
    chosen = chosen_parameters(root, given)
    pseudo = {
        "AWS::AccountId": account,
        "AWS::Region": region,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    if rules:
        check_rules(root, {**chosen, **pseudo})
    outer = Values({**chosen, **pseudo}, conditions(root, {**chosen, **pseudo}), {})
    wanted = {
        name: item
        for name, item in applications(root, template.parent).items()
        if item.condition is None or outer.conditions[item.condition]
    }
    made = Plan(chosen, wanted, account, region)
    for name, application in wanted.items():
        inner = {**_inner(application, outer), **pseudo}
        made.values[name] = Values(inner, conditions(application.template, inner), {})
    return made


def _inner(application: Application, outer: Values) -> dict[str, str]:
    """An application's parameters; empty where they are known only when another application stands."""
    parameters = {key: str(item.get("Default", "")) for key, item in application.declared.items()}
    for key, value in application.parameters.items():
        try:
            parameters[key] = outer.of(value) or ""
        except DeployError:
            parameters[key] = ""
    return parameters


Ask = Callable[[str], Any]
"""Makes the boto3 client of a service."""


def taken(client: Ask, item: Named) -> bool:
    """Whether something has this name already. Raises botocore's error when it cannot be asked."""
    kind, name = item.kind, item.name
    if kind == "AWS::CloudWatch::Alarm":
        return bool(client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"])
    if kind == "AWS::CloudWatch::CompositeAlarm":
        asked = {"AlarmNames": [name], "AlarmTypes": ["CompositeAlarm"]}
        return bool(client("cloudwatch").describe_alarms(**asked)["CompositeAlarms"])
    if kind == "AWS::ECS::Cluster":
        found = client("ecs").describe_clusters(clusters=[name])["clusters"]
        return any(cluster["status"] != "INACTIVE" for cluster in found)
    if kind == "AWS::Logs::LogGroup":
        groups = client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return any(group["logGroupName"] == name for group in groups)
    try:
        _describe(client, item)
    except Exception as error:
        code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
        if code == "403" and kind == "AWS::S3::Bucket":
            return True  # somebody else's: bucket names are the world's
        if code in _FREE:
            return False
        raise
    return True


_FREE = {
    "404",
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "NotFound",
    "NotFoundException",
    "ParameterNotFound",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
}
"""Error codes of AWS for what does not exist (the services' API references)."""


def _describe(client: Ask, item: Named) -> None:
    name = item.name
    if item.kind == "AWS::S3::Bucket":
        client("s3").head_bucket(Bucket=name)
    elif item.kind == "AWS::DynamoDB::Table":
        client("dynamodb").describe_table(TableName=name)
    elif item.kind == "AWS::SQS::Queue":
        client("sqs").get_queue_url(QueueName=name)
    elif item.kind == "AWS::Serverless::Function":
        client("lambda").get_function_configuration(FunctionName=name)
    elif item.kind == "AWS::CloudWatch::Dashboard":
        client("cloudwatch").get_dashboard(DashboardName=name)
    elif item.kind == "AWS::Events::Rule":
        client("events").describe_rule(Name=name)
    elif item.kind == "AWS::SSM::Parameter":
        client("ssm").get_parameter(Name=name)
    else:
        service = {"AWS::SNS::Topic": "sns", "AWS::Serverless::StateMachine": "stepfunctions"}[item.kind]
        region, account = _place(client, service)
        if service == "sns":
            client("sns").get_topic_attributes(TopicArn=f"arn:aws:sns:{region}:{account}:{name}")
        else:
            arn = f"arn:aws:states:{region}:{account}:stateMachine:{name}"
            client("stepfunctions").describe_state_machine(stateMachineArn=arn)


def _place(client: Ask, service: str) -> tuple[str, str]:
    return client(service).meta.region_name, client("sts").get_caller_identity()["Account"]


def stacks_of(client: Ask, stack: str) -> list[dict[str, Any]]:
    """A stack and those below it, as CloudFormation describes them; none where it is not deployed."""
    from local.deploy import ROOT_TAG

    cloudformation = client("cloudformation")
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    stacks = [item for page in pages for item in page["Stacks"]]
    ours = {item["StackId"] for item in stacks if item["StackName"] == stack}
    return [
        item
        for item in stacks
        if item["StackStatus"] != "DELETE_COMPLETE"
        and (
            item["StackId"] in ours
            or item.get("RootId") in ours
            or any(tag["Key"] == ROOT_TAG and tag["Value"] == stack for tag in item.get("Tags", []))
        )
    ]


def owned(client: Ask, stack: str) -> set[str]:
    """The physical ids of all resources of a stack and of those below it, shortened to their names."""
    cloudformation = client("cloudformation")
    names: set[str] = set()
    for item in stacks_of(client, stack):
        listed = cloudformation.get_paginator("list_stack_resources").paginate(StackName=item["StackName"])
        for page in listed:
            names |= {resource.get("PhysicalResourceId", "") for resource in page["StackResourceSummaries"]}
    return names | {name.rsplit(":", 1)[-1] for name in names} | {name.rsplit("/", 1)[-1] for name in names}
