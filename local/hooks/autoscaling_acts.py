"""Application Auto Scaling: what a target tracking policy does, minute by minute on `local.clock`.

A policy has two alarms of its own in CloudWatch. While one is in the state ALARM the policy acts each
minute (CloudWatch User Guide, "Alarm actions": an Auto Scaling action is invoked once a minute as long as
the alarm stays). How much is added or taken away is in `local/scaling.py`. Bounds, DisableScaleIn,
SuspendedState and ScaleInCooldown hold; a scale-out ends the cooldown of a scale-in. ScaleOutCooldown
blocks nothing: what a policy asks for beyond the capacity is "a larger scale out", which AWS lets through.
The alarms' names and the words of an activity are AWS's.
"""

from __future__ import annotations

import contextvars
import uuid

from local import scaling
from local.alarms.evaluate import ALARM, MINUTE_S
from local.hooks import alarm_states, autoscaling, autoscaling_template, metrics
from local.hooks.autoscaling import Json, key_of
from local.hooks.base import private
from local.hooks.scalable_resources import Metric, Refused, Resource, resource

HIGH, LOW = "AlarmHigh", "AlarmLow"
KEPT_S = 42 * scaling.DAY_S
"""So long an activity is told (DescribeScalingActivities: six weeks)."""


def of(item: Json) -> Resource:
    """The resource of a target, policy or activity."""
    return resource(item["ServiceNamespace"], item["ResourceId"], item["ScalableDimension"])


def target_share(found: Resource, policy: Json) -> float:
    """A policy's target, from 0 to 1."""
    return float(policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]) / found.share


def arm(policy: Json) -> None:
    """Give a policy its two alarms, by the capacity of now; known ones keep their state."""
    from ministack.services import cloudwatch

    found, arn = of(policy), policy["PolicyARN"]
    metric, tracking, share = found.metric(), found.tracking, target_share(found, policy)
    units = 1.0 if metric.per_unit is None else metric.per_unit * (found.capacity() or 0)
    names = {
        name.rsplit("-", 6)[1]: name for name in (one["AlarmName"] for one in policy.get("Alarms", []))
    }
    alarms = []
    for which, minutes, threshold, compare in (
        (HIGH, tracking.minutes_high, share, "GreaterThanThreshold"),
        (LOW, tracking.minutes_low, share * tracking.low_share, "LessThanThreshold"),
    ):
        name = names.get(which) or f"TargetTracking-{policy['ResourceId']}-{which}-{uuid.uuid4()}"
        given = {
            "AlarmName": name,
            "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.",
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in metric.dimensions],
            "Statistic": metric.statistic,
            "Period": MINUTE_S,
            "EvaluationPeriods": minutes,
            "Threshold": round(threshold * units, 6),
            "ComparisonOperator": compare,
            "AlarmActions": [arn],
        }
        private(cloudwatch, "_put_metric_alarm")({}, given, False, True)
        made = private(cloudwatch, "_alarms")[name]["AlarmArn"]
        alarms.append({"AlarmName": name, "AlarmARN": made})
    policy["Alarms"] = alarms


def disarm(policy: Json) -> None:
    """Take a policy's alarms away."""
    from ministack.services import cloudwatch

    for alarm in policy.get("Alarms", []):
        private(cloudwatch, "_alarms").pop(alarm["AlarmName"], None)


class Acts:
    """What the policies of all accounts and regions do."""

    def __init__(self, store: autoscaling.Store) -> None:
        self._store, self._minute = store, 0.0

    def act(self, now: float) -> None:
        """Let each policy act whose alarm is in the state ALARM, once a minute however often alarms are
        looked at.
        """
        if now // MINUTE_S <= self._minute:
            return
        self._minute = now // MINUTE_S
        scopes = {(account, region) for account, region, _ in list(self._store.policies._data)}
        for account, region in sorted(scopes):
            contextvars.Context().run(self._act_in, account, region, now)

    def _act_in(self, account: str, region: str, now: float) -> None:
        from ministack.core.responses import set_request_account_id, set_request_region
        from ministack.services import cloudwatch

        set_request_account_id(account)
        set_request_region(region)
        for policy in list(self._store.policies.values()):
            for alarm, out in zip(policy.get("Alarms", []), (True, False), strict=False):
                record = private(cloudwatch, "_alarms").get(alarm["AlarmName"]) or {}
                if record.get("StateValue") == ALARM:
                    self._scale(policy, alarm["AlarmName"], now, out=out)

    def _scale(self, policy: Json, alarm: str, now: float, *, out: bool) -> None:
        target, found = self._store.targets.get(key_of(policy)), of(policy)
        capacity = found.capacity()
        if target is None or capacity is None:
            return
        settings = policy["TargetTrackingScalingPolicyConfiguration"]
        minutes = 1 if out else found.tracking.minutes_low
        used, share = _used(found.metric(), now, minutes, capacity), target_share(found, policy)
        if used is None:
            return
        suspended = target["SuspendedState"]
        if out:
            wanted = scaling.larger(capacity, used, share, int(target["MaxCapacity"]))
            stopped = suspended["DynamicScalingOutSuspended"]
        else:
            least = int(target["MinCapacity"])
            wanted = scaling.smaller(capacity, used, share, least, found.tracking)
            stopped = suspended["DynamicScalingInSuspended"] or self._waits(policy, found, settings, now)
        if wanted != capacity and not stopped:
            self._change(policy, found, alarm, (capacity, wanted), now)

    def _waits(self, policy: Json, found: Resource, settings: Json, now: float) -> bool:
        """Whether a scale-in may not be: it is disabled, cools down, or DynamoDB has had its falls."""
        done = self._store.activities.get(key_of(policy)) or []
        falls = [item["StartTime"] for item in done if item["Fell"] and item["StatusCode"] == "Successful"]
        if settings.get("DisableScaleIn") in (True, "true"):
            return True
        if (
            done
            and done[-1]["Fell"]
            and now - done[-1]["StartTime"] < int(settings.get("ScaleInCooldown", 0))
        ):
            return True
        return found.service == "dynamodb" and not scaling.may_fall(falls, now)

    def _change(
        self, policy: Json, found: Resource, alarm: str, change: tuple[int, int], now: float
    ) -> None:
        before, wanted = change
        said = {
            "StatusCode": "Successful",
            "StatusMessage": f"Successfully set {found.words} to {wanted}. "
            f"Change successfully fulfilled by {found.service}.",
        }
        try:
            found.change(wanted)
        except Refused as refused:
            said = {
                "StatusCode": "Failed",
                "StatusMessage": f"Failed to set {found.words} to {wanted}. Reason: {refused}",
            }
        activity = {
            "ActivityId": str(uuid.uuid4()),
            **{name: policy[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")},
            "Description": f"Setting {found.words} to {wanted}.",
            "Cause": f"monitor {alarm} in state ALARM triggered policy {policy['PolicyName']}",
            "StartTime": now,
            "EndTime": now,
            **said,
            "Fell": wanted < before,
        }
        kept = [
            item
            for item in self._store.activities.get(key_of(policy)) or []
            if now - item["StartTime"] < KEPT_S
        ]
        self._store.activities[key_of(policy)] = [*kept, activity]
        arm(policy)
        self._store.policies[f"{key_of(policy)}|{policy['PolicyName']}"] = policy


def _used(metric: Metric, now: float, minutes: int, capacity: int) -> float | None:
    """How much of a capacity was used in the busiest of the last full minutes; None without a value."""
    end = now // MINUTE_S * MINUTE_S
    about = metric.namespace, metric.name, dict(metric.dimensions)
    points = metrics.series(*about, end - minutes * MINUTE_S, end, MINUTE_S, metric.statistic)
    if not points:
        return None
    most = max(value for _, value in points)
    return most * capacity if metric.per_unit is None else most / metric.per_unit


def install() -> None:
    """Apply the hooks."""
    store = autoscaling.Store()
    service = autoscaling.Service(store, arm, disarm)
    autoscaling.register(service)
    autoscaling_template.provision(service)
    acts = Acts(store)
    alarm_states.FOLLOWERS.append(acts.act)
