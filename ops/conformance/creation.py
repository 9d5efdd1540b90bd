"""What CreateStateMachine itself demands: trust, log delivery, tracing; and who may start the machine."""

from __future__ import annotations

from collections.abc import Iterator

from ops.conformance.findings import GUIDE, Finding
from ops.conformance.machines import Machine, roles
from ops.conformance.policy import ANY, Need, allows

TRUST = GUIDE + "procedure-create-iam-role.html"
LOGS = GUIDE + "cw-logs.html"
XRAY = GUIDE + "concepts-xray-tracing.html"
RULES = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html"
LOG_ACTIONS = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)
XRAY_ACTIONS = ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")


def needs(machine: Machine) -> Iterator[Need]:
    """What logging and tracing demand of the role. AWS checks log delivery when it creates the machine."""
    if _logs(machine):
        for action in LOG_ACTIONS:
            yield Need(f"logs:{action}", ANY, "/", "the machine logs; AWS has no resource for it", LOGS)
    if machine.properties.get("TracingConfiguration", {}).get("Enabled"):
        for action in XRAY_ACTIONS:
            yield Need(f"xray:{action}", ANY, "/", "the machine is traced", XRAY)


def _logs(machine: Machine) -> bool:
    return machine.properties.get("LoggingConfiguration", {}).get("Level", "OFF") != "OFF"


def check(machine: Machine) -> Iterator[Finding]:
    """What is wrong around the definition."""
    if "states.amazonaws.com" not in machine.role.trusted:
        yield Finding("/", "trust", "states.amazonaws.com may not take the role", TRUST)
    if _logs(machine):
        groups = [
            item.get("CloudWatchLogsLogGroup", {}).get("LogGroupArn", "")
            for item in machine.properties["LoggingConfiguration"].get("Destinations", [])
        ]
        if len(groups) != 1 or not groups[0].endswith(":*"):
            yield Finding("/", "logging", "one log group is demanded, its ARN ending in :*", LOGS)
    yield from _starters(machine)


def _starters(machine: Machine) -> Iterator[Finding]:
    """Rules and timers whose target is the machine, each with a role that may start it."""
    known = roles(machine.stack)
    for name, item in machine.stack.resources.items():
        if item["Type"] == "AWS::Events::Rule":
            targets = item["Properties"].get("Targets", [])
        elif item["Type"] == "AWS::Scheduler::Schedule":
            targets = [item["Properties"].get("Target", {})]
        else:
            continue
        for target in targets:
            if target.get("Arn") != machine.arn:
                continue
            role = known.get(str(target.get("RoleArn")))
            if role is None or not allows(role.all, "states:StartExecution", machine.arn):
                yield Finding("/", "starter", f"{name} may not start the machine", RULES)
