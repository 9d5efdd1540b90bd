"""What AWS itself says that a day cost, beside what was reckoned: Cost Explorer's GetCostAndUsage.

Cost Explorer has its figures up to 24 hours late, and knows a tag from the day on which somebody activated
it as a cost allocation tag. A request costs 0.01 USD.
Sources: AWS Cost Management User Guide, "Analyzing your costs with Cost Explorer" (refreshed at least once
in 24 hours) and "Using the Cost Explorer API" (price, endpoint); Cost Explorer API Reference,
GetCostAndUsage; AWS Billing User Guide, "Activating user-defined cost allocation tags".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from operations.reading.finding import code_of
from ops.means.cost import Cost

LATE = timedelta(days=1)
"""So late its figures may be."""
RIGHT = "ce:GetCostAndUsage"
_METRIC = "UnblendedCost"
_NO_USE = ("Credit", "Refund", "Tax")
"""Kinds of records that no list price has in it."""
_SERVICES = {
    "lambda": "AWS Lambda",
    "states": "AWS Step Functions",
    "s3": "Amazon Simple Storage Service",
    "dynamodb": "Amazon DynamoDB",
    "logs": "AmazonCloudWatch",
    "alarm": "AmazonCloudWatch",
    "dashboard": "AmazonCloudWatch",
    "metric": "AmazonCloudWatch",
    "events": "CloudWatch Events",
    "sqs": "Amazon Simple Queue Service",
    "sns": "Amazon Simple Notification Service",
    "api": "Amazon API Gateway",
    "athena": "Amazon Athena",
}
"""What Cost Explorer calls the service of a price, by the beginning of the price's name."""


class NoBill(Exception):
    """There are no figures; the text says why and what to do."""


@dataclass(frozen=True)
class Bill:
    """A day's figures by service, in `unit`. `scope`: what they are of; `estimated`: not final yet."""

    day: date
    usd: dict[str, float]
    unit: str
    scope: str
    estimated: bool

    @property
    def total(self) -> float:
        """The whole day."""
        return sum(self.usd.values())


@dataclass(frozen=True)
class Beside:
    """One service: what was reckoned by list prices, and what the bill says; None where one has nothing."""

    service: str
    reckoned: float | None
    billed: float | None


def read(client: Callable[[str], Any], day: date, environment: str) -> Bill:
    """The figures of one day, UTC: of what has this environment's tags, else of the whole account.

    `client` makes clients of boto3. Raises NoBill, and botocore's other errors.
    """
    explorer = client("ce")
    tags = {"Project": "ona-platform", "Environment": environment}
    words = " and ".join(f"{key}={value}" for key, value in tags.items())
    own = [{"Tags": {"Key": key, "Values": [value]}} for key, value in tags.items()]
    try:
        found = _asked(explorer, day, own, f"what has the tags {words}")
        if found.usd:
            return found
        why = (
            f"the whole account: nothing that day has the tags {words}; activate both as cost allocation "
            "tags in the Billing console"
        )
        found = _asked(explorer, day, [], why)
    except Exception as error:
        if known := _no_bill(error, day):
            raise known from error
        raise
    if not found.usd:
        raise NoBill(f"Cost Explorer has nothing of {day} yet: it is up to 24 h late")
    return found


def _no_bill(error: Exception, day: date) -> NoBill | None:
    code = code_of(error)
    if code in ("AccessDeniedException", "AccessDenied", "UnrecognizedClientException"):
        return NoBill(f"the profile may not ask Cost Explorer: it needs {RIGHT}, on *: {error}")
    if code == "DataUnavailableException":
        return NoBill(f"Cost Explorer has nothing of {day} yet: it is up to 24 h late")
    if code == "BillExpirationException":
        return NoBill(f"Cost Explorer no longer has {day}: {error}")
    if code in ("LimitExceededException", "ThrottlingException"):
        return NoBill(f"Cost Explorer was asked too often; try again in a minute: {error}")
    return None


def _asked(explorer: Any, day: date, own: list[dict[str, Any]], scope: str) -> Bill:
    usage = {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": list(_NO_USE)}}}
    asked: dict[str, Any] = {
        "TimePeriod": {"Start": str(day), "End": str(day + timedelta(days=1))},
        "Granularity": "DAILY",
        "Metrics": [_METRIC],
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
        "Filter": {"And": [*own, usage]} if own else usage,
    }
    sums: dict[str, float] = defaultdict(float)
    unit, estimated = "USD", False
    while True:
        answer = explorer.get_cost_and_usage(**asked)
        for result in answer.get("ResultsByTime", []):
            estimated |= bool(result.get("Estimated"))
            for group in result.get("Groups", []):
                value = group["Metrics"][_METRIC]
                sums[group["Keys"][0]] += float(value["Amount"])
                unit = str(value["Unit"])
        if not (token := answer.get("NextPageToken")):
            return Bill(day, dict(sums), unit, scope, estimated)
        asked["NextPageToken"] = token


def beside(reckoned: Cost, bill: Bill) -> list[Beside]:
    """Each service that either knows, the dearest on the bill first."""
    ours: dict[str, float] = defaultdict(float)
    for line in reckoned.lines:
        service = line.what.split("_", 1)[0]
        ours[_SERVICES.get(service, service)] += line.usd
    every = [Beside(name, ours.get(name), bill.usd.get(name)) for name in {*ours, *bill.usd}]
    return sorted(every, key=lambda one: (-(one.billed or 0.0), -(one.reckoned or 0.0), one.service))
