"""Provisioned concurrency that Application Auto Scaling keeps needs a first value of its own.

Without one Lambda tells no utilization, the alarms of the policy see nothing, and nothing is ever
provisioned: "ensure that you configure an initial provisioned concurrency value first" (AWS Lambda
Developer Guide, "Configuring provisioned concurrency for a function").
"""

from __future__ import annotations

from collections.abc import Iterator

from ops.conformance.findings import Finding
from ops.conformance.rendered import Stack

PROVISIONED = "https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html"
DIMENSION = "lambda:function:ProvisionedConcurrency"


def check_stack(stack: Stack) -> Iterator[Finding]:
    """Scalable targets of Lambda whose alias begins with nothing, or outside of their bounds."""
    for name, item in stack.resources.items():
        properties = item["Properties"]
        if properties.get("ScalableDimension") != DIMENSION:
            continue
        first = _first(stack, str(properties["ResourceId"]))
        least, most = int(properties["MinCapacity"]), int(properties["MaxCapacity"])
        if not least <= first <= most:
            text = f"its alias begins with {first} provisioned, and not with {least} to {most}"
            yield Finding(f"{stack.name}/{name}", "capacity", text, PROVISIONED)


def _first(stack: Stack, target: str) -> int:
    """What the alias of `function:<name>:<alias>` begins with; 0 for nothing."""
    _, function, alias = target.split(":")
    for item in stack.resources.values():
        properties = item["Properties"]
        named = (properties.get("FunctionName"), properties.get("Name"))
        if item["Type"] == "AWS::Lambda::Alias" and named == (function, alias):
            config = properties.get("ProvisionedConcurrencyConfig", {})
            return int(config.get("ProvisionedConcurrentExecutions", 0))
    return 0
