"""What `Ref` and `GetAtt` give for a resource: names and ARNs as AWS forms them.

>>> named("AWS::SQS::Queue", "q", {"QueueName": "letters"}, "Arn", "eu-west-1", "1")
'arn:aws:sqs:eu-west-1:1:letters'
>>> named("AWS::SQS::Queue", "q", {"QueueName": "letters"}, "", "eu-west-1", "1")
'https://sqs.eu-west-1.amazonaws.com/1/letters'
"""

from __future__ import annotations

from typing import Any

NAMES = {
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::DynamoDB::Table": ("TableName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Lambda::Alias": ("FunctionName", "Name"),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::StepFunctions::StateMachine": ("StateMachineName",),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::ECS::Cluster": ("ClusterName",),
    "AWS::ECS::TaskDefinition": ("Family",),
    "AWS::Events::Rule": ("Name",),
    "AWS::SSM::Parameter": ("Name",),
    "AWS::StepFunctions::StateMachineVersion": ("StateMachineArn",),
    "AWS::StepFunctions::StateMachineAlias": ("DeploymentPreference", "Name"),
}
"""Properties that make a resource's name."""

_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{0}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{0}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{0}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{0}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{0}",
    "AWS::Lambda::Alias": "arn:aws:lambda:{region}:{account}:function:{0}:{1}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{0}:*",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{0}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{0}",
    "AWS::ECS::Cluster": "arn:aws:ecs:{region}:{account}:cluster/{0}",
    "AWS::ECS::TaskDefinition": "arn:aws:ecs:{region}:{account}:task-definition/{0}:1",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{0}",
}
_REF_IS_ARN = {
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
    "AWS::ECS::TaskDefinition",
    "AWS::Lambda::Alias",
}


def named(
    kind: str, logical: str, properties: dict[str, Any], attribute: str, region: str, account: str
) -> str:
    """What a reference to a resource gives; a text made from its logical name where AWS makes one up."""
    if kind == "AWS::StepFunctions::StateMachineVersion":
        return f"{properties['StateMachineArn']}:1"
    if kind == "AWS::StepFunctions::StateMachineAlias":
        version = str(properties["DeploymentPreference"]["StateMachineVersionArn"])
        return f"{version.rpartition(':')[0]}:{properties['Name']}"
    names = [str(properties.get(key) or logical).rsplit("function:")[-1] for key in NAMES.get(kind, ())]
    arn = _ARNS.get(kind, "arn:aws:x:{region}:{account}:" + logical)
    filled = arn.format(*names, region=region, account=account)
    if attribute.endswith("Arn") or (not attribute and kind in _REF_IS_ARN):
        return filled
    if not attribute and kind == "AWS::SQS::Queue":
        return f"https://sqs.{region}.amazonaws.com/{account}/{names[0]}"
    if not attribute:
        return names[0] if names else logical
    return f"{logical}.{attribute}"
