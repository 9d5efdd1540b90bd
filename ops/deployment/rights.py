"""Whether the deployer may make what the templates hold, asked of IAM before a deployment fails half way.

CloudFormation acts with the rights of who calls it. IAM says of each action whether it would be allowed
(IAM API reference, SimulatePrincipalPolicy); it reckons with permissions boundaries and the organisation's
policies. The actions of a type are those that its resource needs to be made, changed and deleted
(CloudFormation's resource type schemas, `handlers`; Service Authorization Reference).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ona.runtime.words import counted
from ops.deployment.finding import Finding, State
from ops.deployment.names import NAMED_BY, Ask, Plan

ABOUT = "rights"
ALLOWED = "allowed"


@dataclass(frozen=True)
class Right:
    """What a type needs, on which ARN; `{name}` is the name of the first such resource of the templates."""

    arn: str
    actions: str

    @property
    def named(self) -> list[str]:
        """The actions with their service."""
        service, _, names = self.actions.partition(":")
        return [f"{service}:{name}" for name in names.split()]


_FUNCTION = "arn:aws:lambda:{place}:function:{name}"
_ROLE = "arn:aws:iam::{account}:role/{stack}-example"
_API = "arn:aws:apigateway:{region}::"
NEEDS: dict[str, tuple[Right, ...]] = {
    "AWS::ApiGateway::DomainName": (Right(_API + "/domainnames", "apigateway:GET POST"),),
    "AWS::ApiGatewayV2::RoutingRule": (
        Right(
            "arn:aws:apigateway:{place}:/domainnames/example.com/routingrules/example",
            "apigateway:CreateRoutingRule GetRoutingRule UpdateRoutingRule DeleteRoutingRule",
        ),
    ),
    "AWS::AppConfig::Application": (
        Right("*", "appconfig:CreateApplication"),
        Right(
            "arn:aws:appconfig:{place}:application/example",
            "appconfig:GetApplication UpdateApplication DeleteApplication",
        ),
    ),
    "AWS::AppConfig::ConfigurationProfile": (
        Right(
            "arn:aws:appconfig:{place}:application/example",
            "appconfig:CreateConfigurationProfile",
        ),
    ),
    "AWS::AppConfig::DeploymentStrategy": (Right("*", "appconfig:CreateDeploymentStrategy"),),
    "AWS::AppConfig::Environment": (
        Right("arn:aws:appconfig:{place}:application/example", "appconfig:CreateEnvironment"),
    ),
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        Right("*", "application-autoscaling:RegisterScalableTarget DeregisterScalableTarget"),
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (
        Right("*", "application-autoscaling:PutScalingPolicy DeleteScalingPolicy"),
    ),
    "AWS::Budgets::Budget": (
        Right(
            "arn:aws:budgets::{account}:budget/example",
            "budgets:ModifyBudget ViewBudget TagResource UntagResource ListTagsForResource",
        ),
        Right("*", "billing:GetBillingViewData"),
    ),
    "AWS::CloudWatch::Alarm": (
        Right("arn:aws:cloudwatch:{place}:alarm:{name}", "cloudwatch:PutMetricAlarm DeleteAlarms"),
    ),
    "AWS::CloudWatch::CompositeAlarm": (
        Right("arn:aws:cloudwatch:{place}:alarm:{name}", "cloudwatch:PutCompositeAlarm DeleteAlarms"),
    ),
    "AWS::CloudWatch::Dashboard": (
        Right(
            "arn:aws:cloudwatch::{account}:dashboard/{name}",
            "cloudwatch:PutDashboard GetDashboard DeleteDashboards",
        ),
    ),
    "AWS::DynamoDB::Table": (
        Right(
            "arn:aws:dynamodb:{place}:table/{name}",
            "dynamodb:CreateTable DescribeTable UpdateTable DeleteTable UpdateTimeToLive "
            "UpdateContinuousBackups DescribeContinuousBackups",
        ),
    ),
    "AWS::ECS::Cluster": (
        Right("arn:aws:ecs:{place}:cluster/{name}", "ecs:CreateCluster DescribeClusters DeleteCluster"),
    ),
    "AWS::ECS::TaskDefinition": (Right("*", "ecs:RegisterTaskDefinition DeregisterTaskDefinition"),),
    "AWS::Events::Rule": (
        Right(
            "arn:aws:events:{place}:rule/{name}",
            "events:PutRule DescribeRule DeleteRule PutTargets RemoveTargets",
        ),
    ),
    "AWS::IAM::Policy": (Right(_ROLE, "iam:PutRolePolicy GetRolePolicy DeleteRolePolicy"),),
    "AWS::IAM::Role": (
        Right(_ROLE, "iam:CreateRole GetRole DeleteRole PutRolePolicy AttachRolePolicy PassRole"),
    ),
    "AWS::Lambda::Permission": (
        Right("arn:aws:lambda:{place}:function:ona-example", "lambda:AddPermission RemovePermission"),
    ),
    "AWS::Logs::LogGroup": (
        Right(
            "arn:aws:logs:{place}:log-group:{name}",
            "logs:CreateLogGroup PutRetentionPolicy DeleteLogGroup",
        ),
    ),
    "AWS::S3::Bucket": (
        Right(
            "arn:aws:s3:::{name}",
            "s3:CreateBucket DeleteBucket PutBucketVersioning PutEncryptionConfiguration "
            "PutLifecycleConfiguration PutBucketPublicAccessBlock PutBucketNotification",
        ),
    ),
    "AWS::S3::BucketPolicy": (
        Right("arn:aws:s3:::ona-example", "s3:PutBucketPolicy GetBucketPolicy DeleteBucketPolicy"),
    ),
    "AWS::SNS::Subscription": (
        Right("arn:aws:sns:{place}:ona-example", "sns:Subscribe Unsubscribe GetSubscriptionAttributes"),
    ),
    "AWS::SNS::Topic": (
        Right(
            "arn:aws:sns:{place}:{name}",
            "sns:CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic",
        ),
    ),
    "AWS::SNS::TopicPolicy": (
        Right("arn:aws:sns:{place}:ona-example", "sns:GetTopicAttributes SetTopicAttributes"),
    ),
    "AWS::SQS::Queue": (
        Right(
            "arn:aws:sqs:{place}:{name}",
            "sqs:CreateQueue GetQueueAttributes SetQueueAttributes DeleteQueue",
        ),
    ),
    "AWS::SQS::QueuePolicy": (Right("arn:aws:sqs:{place}:ona-example", "sqs:SetQueueAttributes"),),
    "AWS::SSM::Parameter": (
        Right("arn:aws:ssm:{place}:parameter{name}", "ssm:PutParameter GetParameters DeleteParameter"),
    ),
    "AWS::Serverless::Api": (Right(_API + "/restapis", "apigateway:GET POST"),),
    "AWS::Serverless::Function": (
        Right(
            _FUNCTION,
            "lambda:CreateFunction GetFunction UpdateFunctionCode UpdateFunctionConfiguration "
            "DeleteFunction PublishVersion CreateAlias UpdateAlias PutFunctionConcurrency AddPermission",
        ),
        Right(_ROLE, "iam:CreateRole AttachRolePolicy PutRolePolicy PassRole DeleteRole"),
        Right(
            "arn:aws:codedeploy:{place}:deploymentgroup:example/example",
            "codedeploy:CreateDeploymentGroup CreateDeployment GetDeployment",
        ),
        Right("arn:aws:scheduler:{place}:schedule/default/ona-example", "scheduler:CreateSchedule"),
    ),
    "AWS::Serverless::LayerVersion": (
        Right("arn:aws:lambda:{place}:layer:ona-example", "lambda:PublishLayerVersion"),
    ),
    "AWS::Serverless::StateMachine": (
        Right(
            "arn:aws:states:{place}:stateMachine:{name}",
            "states:CreateStateMachine DescribeStateMachine UpdateStateMachine DeleteStateMachine "
            "PublishStateMachineVersion CreateStateMachineAlias UpdateStateMachineAlias",
        ),
    ),
}
"""What each type of the templates needs. A type that is not here is named as not asked."""
_STACKS = Right(
    "arn:aws:cloudformation:{place}:stack/{stack}/example",
    "cloudformation:CreateChangeSet DescribeChangeSet ExecuteChangeSet DescribeStacks DescribeStackEvents",
)
"""What sam itself calls."""


def findings(client: Ask, plan: Plan, stack: str) -> Iterator[Finding]:
    """What whoever asks may not do. Raises botocore's error where IAM may not be asked."""
    who = _principal(client)
    if who is None:
        yield Finding("ok", ABOUT, "the account's root user may do all that its organisation allows")
        return
    needs, unknown = _needs(plan, stack)
    found = list(_refused(client, who, needs))
    yield from found
    for kind in unknown:
        yield Finding("not asked", ABOUT, f"{kind}: no list of what it needs (ops/deployment/rights.py)")
    if not found:
        actions = {action for _, names in needs for action in names}
        yield Finding("ok", ABOUT, f"{who} may do all of {counted(len(actions), 'action')}")


def _principal(client: Ask) -> str | None:
    """The ARN of the user or role that asks; None for the root user, which no policy of IAM limits.

    A session's ARN has the role's name without its path, and IAM wants the role's own ARN.
    """
    arn = str(client("sts").get_caller_identity()["Arn"])
    _, partition, _, _, account, of = arn.split(":", 5)
    if of == "root":
        return None
    if not of.startswith("assumed-role/"):
        return arn
    role = of.split("/")[1]
    try:
        return str(client("iam").get_role(RoleName=role)["Role"]["Arn"])
    except Exception:
        return f"arn:{partition}:iam::{account}:role/{role}"


def _needs(plan: Plan, stack: str) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Each ARN with the actions on it, and the types of which nobody knows what they need."""
    first: dict[str, str] = {}
    for application, _, item in plan.resources():
        given = item.get("Properties", {}).get(NAMED_BY.get(item["Type"], ""))
        name = str(plan.values[application].of(given)) if given is not None else "ona-example"
        if first.get(item["Type"], "ona-example") == "ona-example":
            first[item["Type"]] = name
    needs: dict[str, list[str]] = {}
    place = {"place": f"{plan.region}:{plan.account}", "region": plan.region, "account": plan.account}
    for kind, name in [("", ""), *sorted(first.items())]:
        for right in NEEDS.get(kind, ()) if kind else (_STACKS,):
            asked = needs.setdefault(right.arn.format(**place, name=name, stack=stack), [])
            asked += [action for action in right.named if action not in asked]
    return list(needs.items()), sorted(first.keys() - NEEDS.keys())


def _refused(client: Ask, who: str, needs: list[tuple[str, list[str]]]) -> Iterator[Finding]:
    for arn, actions in needs:
        decisions: dict[str, list[str]] = {}
        for result in _simulated(client, who, arn, actions):
            if result["EvalDecision"] == ALLOWED:
                continue
            why = _why(result)
            decisions.setdefault(why, []).append(result["EvalActionName"])
        for why, names in decisions.items():
            state: State = "not asked" if why.startswith("it depends") else "wrong"
            yield Finding(state, ABOUT, f"{who} may not {', '.join(names)} on {arn}: {why}")


def _why(result: dict[str, Any]) -> str:
    if keys := result.get("MissingContextValues"):
        return f"it depends on {', '.join(keys)}, which nobody knows here"
    if result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations") is False:
        return "a policy of the organisation does not allow it"
    if result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary") is False:
        return "its permissions boundary does not allow it"
    return "a statement denies it" if result["EvalDecision"] == "explicitDeny" else "nothing allows it"


def _simulated(client: Ask, who: str, arn: str, actions: list[str]) -> Iterator[dict[str, Any]]:
    pages = (
        client("iam")
        .get_paginator("simulate_principal_policy")
        .paginate(PolicySourceArn=who, ActionNames=actions, ResourceArns=[arn])
    )
    for page in pages:
        yield from page["EvaluationResults"]
