"""Application Auto Scaling: targets and policies, by a template and by the API. ministack has none of it.

What a policy does each minute is in `autoscaling_acts`; what can be scaled in `scalable_resources`. Known
are target tracking and the calls RegisterScalableTarget, DeregisterScalableTarget, PutScalingPolicy,
DeleteScalingPolicy and the three Describe… of them; step and scheduled scaling are refused.
Sources: Application Auto Scaling API Reference; CloudFormation, AWS::ApplicationAutoScaling::ScalableTarget
and ScalingPolicy. That a table which is paid by request is refused follows from "it changes the resource's
current capacity to a value that is inside of this range": UpdateTable refuses units there.
"""

from __future__ import annotations

import copy
import types
import uuid
from collections.abc import Callable
from typing import Any

from local import clock
from local.hooks import own_services
from local.hooks.own_services import Calls
from local.hooks.scalable_resources import Refused, resource

Json = dict[str, Any]
SERVICE, PREFIX = "application-autoscaling", "AnyScaleFrontendService"
_OF_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")


class Store:
    """Targets, policies and activities, by account and region; kept as ministack's services keep theirs."""

    def __init__(self) -> None:
        from ministack.core.responses import AccountRegionScopedDict

        self.targets, self.policies, self.activities = (AccountRegionScopedDict() for _ in range(3))

    def state(self) -> Json:
        """A copy for the snapshot."""
        return {name: copy.deepcopy(store) for name, store in vars(self).items()}

    def load(self, data: Json | None) -> None:
        """Take what a snapshot had."""
        for name, store in vars(self).items():
            store.clear()
            store.update((data or {}).get(name, {}))


def key_of(given: Json) -> str:
    """A target's name in the store, and what CloudFormation's Ref gives. A target is "uniquely
    identified by the combination of resource ID, scalable dimension, and namespace".
    """
    return "|".join(
        str(given.get(name, "")) for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")
    )


class Service:
    """The calls. Each raises Refused with AWS's error code."""

    def __init__(self, store: Store, changed: Callable[[Json], None], gone: Callable[[Json], None]) -> None:
        """`changed` is told of a policy that was put, `gone` of one that was deleted."""
        self.store, self._changed, self._gone = store, changed, gone

    def register_scalable_target(self, given: Json) -> Json:
        """A target, new or changed. Its capacity comes between the bounds at once."""
        found = resource(*(str(given.get(name, "")) for name in _OF_TARGET))
        known = self.store.targets.get(key_of(given)) or {}
        least, most = (given.get(name, known.get(name)) for name in ("MinCapacity", "MaxCapacity"))
        if least is None or most is None:
            raise Refused("MinCapacity and MaxCapacity must be specified to register a new scalable target")
        least, most = int(least), int(most)
        if least > most:
            raise Refused("Maximum capacity cannot be less than minimum capacity")
        if least < found.least:
            raise Refused(f"Minimum capacity cannot be less than {found.least}")
        found.exists()
        capacity = found.capacity()
        if capacity is not None and not least <= capacity <= most:
            found.change(min(most, max(least, capacity)))
        arn = known.get("ScalableTargetARN") or _arn(SERVICE, f"scalable-target/{uuid.uuid4().hex[:20]}")
        off = {
            f"{name}Suspended": False
            for name in ("DynamicScalingIn", "DynamicScalingOut", "ScheduledScaling")
        }
        self.store.targets[key_of(given)] = {
            **{name: given[name] for name in _OF_TARGET},
            "MinCapacity": least,
            "MaxCapacity": most,
            "RoleARN": given.get("RoleARN") or known.get("RoleARN") or _role(found.service),
            "CreationTime": known.get("CreationTime", clock.now()),
            "SuspendedState": {**off, **known.get("SuspendedState", {}), **given.get("SuspendedState", {})},
            "ScalableTargetARN": arn,
        }
        for policy in self._policies(given):
            self._changed(policy)  # its alarms go by the capacity
        return {"ScalableTargetARN": arn}

    def deregister_scalable_target(self, given: Json) -> Json:
        """No target, and none of its policies."""
        self._target(given)
        for policy in self._policies(given):
            self.delete_scaling_policy(policy)
        del self.store.targets[key_of(given)]
        return {}

    def put_scaling_policy(self, given: Json) -> Json:
        """A policy, new or changed, with its alarms."""
        found = resource(*(str(given.get(name, "")) for name in _OF_TARGET))
        self._target(given)
        name = _policy_key(given)
        known = self.store.policies.get(name)
        kind = given.get("PolicyType") or (known or {}).get("PolicyType")
        if kind != "TargetTrackingScaling":
            raise Refused(f"PolicyType {kind} is not acted out here; TargetTrackingScaling is")
        wanted = given.get("TargetTrackingScalingPolicyConfiguration") or {}
        metric = (wanted.get("PredefinedMetricSpecification") or {}).get("PredefinedMetricType")
        if metric != found.predefined:
            raise Refused(
                f"Predefined metric type {metric} is not supported for this scalable dimension; "
                f"{found.predefined} is"
            )
        low, high = found.targets
        if not low <= float(wanted.get("TargetValue", 0)) <= high:
            raise Refused(f"TargetValue must be between {low:g} and {high:g}")
        path = f"resource/{given['ServiceNamespace']}/{given['ResourceId']}"
        arn = f"scalingPolicy:{uuid.uuid4()}:{path}:policyName/{given['PolicyName']}"
        policy = self.store.policies[name] = {
            **{part: given[part] for part in (*_OF_TARGET, "PolicyName")},
            "PolicyARN": known["PolicyARN"] if known else _arn("autoscaling", arn),
            "PolicyType": kind,
            "TargetTrackingScalingPolicyConfiguration": {
                **wanted,
                "TargetValue": float(wanted["TargetValue"]),
            },
            "CreationTime": known["CreationTime"] if known else clock.now(),
        }
        self._changed(policy)
        return {"PolicyARN": policy["PolicyARN"], "Alarms": policy.get("Alarms", [])}

    def delete_scaling_policy(self, given: Json) -> Json:
        """No policy, and none of its alarms."""
        policy = self.store.policies.get(_policy_key(given))
        if policy is None:
            raise Refused(
                f"No scaling policy found for {given.get('PolicyName')}", "ObjectNotFoundException"
            )
        del self.store.policies[_policy_key(given)]
        self._gone(policy)
        return {}

    def describe_scalable_targets(self, given: Json) -> Json:
        """Targets of a namespace, all or those with the ids."""
        ids = given.get("ResourceIds") or []
        found = [
            item for item in self._of(self.store.targets, given) if not ids or item["ResourceId"] in ids
        ]
        return {"ScalableTargets": found}

    def describe_scaling_policies(self, given: Json) -> Json:
        """Policies of a namespace, with their alarms."""
        names = given.get("PolicyNames") or []
        found = self._of(self.store.policies, given)
        return {"ScalingPolicies": [item for item in found if not names or item["PolicyName"] in names]}

    def describe_scaling_activities(self, given: Json) -> Json:
        """What was changed, the newest first."""
        lists = self.store.activities.values()
        found = [item for one in lists for item in one if self._fits(item, given)]
        told = [{name: value for name, value in item.items() if name != "Fell"} for item in found]
        return {"ScalingActivities": sorted(told, key=lambda item: -item["StartTime"])}

    def _target(self, given: Json) -> Json:
        found: Json | None = self.store.targets.get(key_of(given))
        if found is None:
            namespace, name, dimension = (given.get(part) for part in _OF_TARGET)
            text = f"resource ID: {name}, scalable dimension: {dimension}"
            said = f"No scalable target registered for service namespace: {namespace}, {text}"
            raise Refused(said, "ObjectNotFoundException")
        return found

    def _policies(self, given: Json) -> list[Json]:
        return [item for item in self.store.policies.values() if key_of(item) == key_of(given)]

    def _of(self, store: Any, given: Json) -> list[Json]:
        return [item for item in store.values() if self._fits(item, given)]

    @staticmethod
    def _fits(item: Json, given: Json) -> bool:
        if not given.get("ServiceNamespace"):
            raise Refused(
                "1 validation error detected: Value null at 'serviceNamespace' failed to satisfy constraint"
            )
        return all(item[name] == given[name] for name in _OF_TARGET if given.get(name))

    def calls(self) -> Calls:
        """The calls by their names."""
        return {
            "RegisterScalableTarget": self.register_scalable_target,
            "DeregisterScalableTarget": self.deregister_scalable_target,
            "PutScalingPolicy": self.put_scaling_policy,
            "DeleteScalingPolicy": self.delete_scaling_policy,
            "DescribeScalableTargets": self.describe_scalable_targets,
            "DescribeScalingPolicies": self.describe_scaling_policies,
            "DescribeScalingActivities": self.describe_scaling_activities,
        }


def _policy_key(given: Json) -> str:
    return f"{key_of(given)}|{given.get('PolicyName')}"


def _arn(service: str, rest: str) -> str:
    from ministack.core.responses import get_account_id, get_region

    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{rest}"


def _role(service: str) -> str:
    """The service-linked role that AWS makes and takes where none is given."""
    from ministack.core.responses import get_account_id

    of, name = {
        "lambda": ("lambda-concurrency", "LambdaConcurrency"),
        "dynamodb": ("dynamodb", "DynamoDBTable"),
    }[service]
    host = f"{of}.application-autoscaling.amazonaws.com"
    return (
        f"arn:aws:iam::{get_account_id()}:role/aws-service-role/{host}/"
        f"AWSServiceRoleForApplicationAutoScaling_{name}"
    )


def register(service: Service) -> None:
    """Let ministack route to the service, and keep its state as a service of its own."""
    module = types.ModuleType("application_autoscaling")
    for name, value in vars(service.store).items():
        setattr(module, f"_{name}", value)
    module.get_state = service.store.state  # type: ignore[attr-defined]
    module.load_persisted_state = service.store.load  # type: ignore[attr-defined]
    own_services.register(SERVICE, PREFIX, module, service.calls())
