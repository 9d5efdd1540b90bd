"""Deploying `template.yaml` to an endpoint without the SAM CLI: package, SAM transform, CloudFormation.

What `sam build && sam deploy` does, from the sources, in a second: dependencies are those of this
environment. The templates are the only description of the system.

Each nested application becomes a stack of its own, `<root's stack>-<application>`, in the order of their
references. The root's stack holds the outputs. (ministack's own nested stacks cannot be updated and know no
SAM; AWS nests them as usual.)
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import descriptions, moving, readiness, reasons, taking_back
from local.descriptions import (
    CONTENT_TAG,
    DEPLOYMENT_TAG,
    OPERATION,
    ROOT_TAG,
    deployed_content,
    failed,
    find,
    of_root,
    outputs,
    parameters_of,
    stands,
)
from local.packaging import DeployError, Packager, Template, digest, read_template, transform, zip_folder
from local.root_template import (
    Values,
    applications,
    check_rules,
    chosen_parameters,
    conditions,
    declared_in,
)

__all__ = [
    "ROOT_TAG",
    "DeployError",
    "deploy",
    "deployed_content",
    "failed",
    "find",
    "nested_name",
    "outputs",
    "parameters_of",
    "stands",
    "zip_folder",
]

_NEVER_CREATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
"""Statuses of a stack whose first deployment failed."""
RELEASE = "Release"
"""The root's parameter that says what is deployed; another value publishes new versions of functions."""
RELEASE_DIGITS = 12
Say = Callable[[str], None]
"""Hears what is being done, a line at a time."""


def deploy(
    client: Callable[[str], Any],
    template: Path,
    stack: str,
    parameters: dict[str, str] | None = None,
    say: Say = lambda _: None,
    begin: Say = lambda _: None,
) -> dict[str, str]:
    """Create the stack, or update it when it exists; returns its outputs.

    `client` makes boto3 clients; `say` hears of each stack that changes; `begin` is told the release before
    the first one does. Deploying the same template again
    changes nothing. A resource that another stack of the same root owned until now moves with all that is
    in it; a stack whose application is gone from the template is deleted. What one stack refuses is taken
    back from all (`local.taking_back`), and what a killed deployment left before anything else
    (`local.readiness`). Raises DeployError with the reason of each resource that failed.
    """
    root = read_template(template)
    nested = applications(root, template.parent)
    deployment = _Deployment(client, stack, say)
    if not nested:
        return deployment.put(stack, deployment.packager.package(root, template.parent), parameters or {})
    packaged = deployment.packager.package_all(nested)
    given = parameters or {}
    chosen = chosen_parameters(root, with_release(root, packaged, given))
    deployment.begin = functools.cache(lambda: begin(chosen.get(RELEASE, "")))
    named = {**chosen, **deployment.pseudo_parameters}
    check_rules(root, named)
    holding = conditions(root, named)
    wanted = {
        name: item for name, item in nested.items() if item.condition is None or holding[item.condition]
    }
    stacks = {name: nested_name(stack, name) for name in wanted}
    owners = {resource: stacks[name] for resource, name in declared_in(wanted).items()}
    whole = digest({"root": root, **packaged}, chosen)
    deployment.token = f"{OPERATION}{whole[:RELEASE_DIGITS]}-{uuid.uuid4().hex}"
    cloudformation, ours = deployment.cloudformation, list(stacks.values())
    told = (deployment.token, say, deployment.begin)
    deployment.undone = readiness.prepare(cloudformation, stack, ours, *told)
    moving.move(cloudformation, [one["StackName"] for one in of_root(cloudformation, stack)], owners)
    values = Values(named, holding, {})
    deployment.total = len(wanted) + 1
    try:
        for name, application in wanted.items():
            values.outputs[name] = deployment.put(stacks[name], packaged[name], application.given(values))
        put = deployment.put(stack, _record(root, values), chosen)
    except Exception as error:
        if taking_back.is_gone(error):
            raise  # nobody is there to take anything back; the next deployment goes on
        say(f"{deployment.at} refused; what was deployed before it is taken back")
        order, done = readiness.in_order(cloudformation, stack, ours), deployment.done
        raise taking_back.take_back(cloudformation, stack, order, done, deployment.at, error) from error
    for gone in readiness.in_order(cloudformation, stack, ours)[len(ours) :]:
        say(f"{gone}: no longer in the template, is deleted")
        descriptions.delete(cloudformation, gone)
    return put


def nested_name(stack: str, application: str) -> str:
    """The stack of an application.

    >>> nested_name("ona-platform-dev", "ForecastTraining")
    'ona-platform-dev-forecast-training'
    """
    return f"{stack}-{re.sub(r'(?<!^)(?=[A-Z])', '-', application).lower()}"


def content(body: bytes) -> str:
    """The name of an artefact: the same bytes have the same."""
    return hashlib.sha256(body).hexdigest()[:32]


def with_release(root: Template, packaged: dict[str, Template], given: dict[str, str]) -> dict[str, str]:
    """Parameters with `Release`, where the root has it and nobody gave it: a digest of all that is there.

    The same templates, code and parameters are the same release, wherever they lie.
    """
    if RELEASE in given or RELEASE not in root.get("Parameters", {}):
        return given
    whole, chosen = {"root": root, **packaged}, chosen_parameters(root, given)
    del chosen[RELEASE]
    return {**given, RELEASE: digest(whole, chosen)[:RELEASE_DIGITS]}


def _record(root: Template, values: Values) -> Template:
    """The root's own stack: its parameters and outputs, and one resource because a stack needs one."""
    outputs = {
        name: {**item, "Value": values.of(item["Value"])}
        for name, item in root.get("Outputs", {}).items()
        if item.get("Condition") is None or values.conditions[item["Condition"]]
    }
    for item in outputs.values():
        item.pop("Condition", None)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": root.get("Description", ""),
        "Parameters": root.get("Parameters", {}),
        **({"Rules": root["Rules"]} if "Rules" in root else {}),
        "Resources": {"Record": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
        "Outputs": outputs,
    }


@dataclass
class _Deployment:
    """One deployment: the clients, and where artefacts go."""

    client: Callable[[str], Any]
    root: str
    say: Say
    s3: Any = field(init=False)
    cloudformation: Any = field(init=False)
    packager: Packager = field(init=False)
    token: str = field(default_factory=lambda: f"{OPERATION}{uuid.uuid4().hex}")
    """Names this deployment at each of its stacks (ClientRequestToken)."""
    begin: Callable[[], None] = lambda: None
    """Called before each change; the first one counts."""
    total: int = 1
    at: str = ""
    """The stack that is being deployed."""
    done: list[str] = field(default_factory=list)
    """The stacks that changed already."""
    undone: list[str] = field(default_factory=list)
    """The stacks that an earlier deployment had changed, and that went back first."""
    contents: list[str] = field(default_factory=list)
    """The digests of all stacks so far, changed or not."""

    def __post_init__(self) -> None:
        self.s3, self.cloudformation = self.client("s3"), self.client("cloudformation")
        self.packager = Packager(self._upload)
        if self._bucket not in {item["Name"] for item in self.s3.list_buckets()["Buckets"]}:
            where = {"LocationConstraint": self.s3.meta.region_name}
            self.s3.create_bucket(Bucket=self._bucket, CreateBucketConfiguration=where)

    @property
    def _bucket(self) -> str:
        return f"{self.root}-artifacts"

    @property
    def pseudo_parameters(self) -> dict[str, str]:
        """What CloudFormation knows by itself."""
        account = str(self.client("sts").get_caller_identity()["Account"])
        return pseudo_parameters(account, str(self.s3.meta.region_name), self.root)

    def _upload(self, body: bytes, suffix: str) -> str:
        key = content(body) + suffix
        self.s3.put_object(Bucket=self._bucket, Key=key, Body=body)
        return f"s3://{self._bucket}/{key}"

    def put(self, stack: str, document: Template, parameters: dict[str, str]) -> dict[str, str]:
        """Create or update one stack from a packaged template; returns its outputs."""
        self.at = stack
        content = digest(document, parameters)
        if stack == self.root and self.contents:  # as on AWS, the root changes when one below it does
            content = digest(document, {**parameters, "stacks": ",".join(self.contents)})
        self.contents.append(content)
        existing = readiness.ready(self.cloudformation, find(self.cloudformation, stack), self.say)
        if existing and existing["StackStatus"] in _NEVER_CREATED:
            self.begin()
            # CloudFormation updates no stack whose first deployment failed
            descriptions.delete(self.cloudformation, stack)
            existing = None
        ends = stack == self.root and bool(self.done or self.undone)  # what changed below it ends with it
        if existing and deployed_content(existing) == content and stands(existing) and not ends:
            return outputs(existing)
        region = self.s3.meta.region_name
        body = json.dumps(transform(document, parameters, region))
        key = self._upload(body.encode(), ".template").removeprefix(f"s3://{self._bucket}/")
        arguments = {
            "StackName": stack,
            "TemplateURL": f"https://s3.{region}.amazonaws.com/{self._bucket}/{key}",
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            "ClientRequestToken": self.token,
            "Tags": [
                {"Key": name, "Value": value}
                for name, value in (
                    (CONTENT_TAG, content),
                    (ROOT_TAG, self.root),
                    *([(DEPLOYMENT_TAG, self.token)] if ends else []),
                )
            ],
        }
        self.begin()
        doing = "creating" if existing is None else "updating"
        self.say(f"{len(self.contents)} of {self.total}: {doing} {stack}")
        if existing is None:
            self.cloudformation.create_stack(**arguments)
        else:
            try:
                self.cloudformation.update_stack(**arguments)
            except Exception as error:
                if "No updates are to be performed" in str(error) and stands(existing):
                    return outputs(existing)  # an update that was taken back, or another tag
                if "_IN_PROGRESS state" in str(error):
                    raise DeployError(
                        f"stack {stack} is being deployed: {error}; wait for it, or see what is under way "
                        "with `ona deploy history` and take it back with `ona deploy rollback all`"
                    ) from error
                raise
        done = descriptions.settled(self.cloudformation, stack)
        if failed(done):
            raise DeployError(reasons.of(self.cloudformation, done))
        self.done.append(stack)
        return outputs(done)


def pseudo_parameters(account: str, region: str, stack: str) -> dict[str, str]:
    """What CloudFormation knows by itself."""
    return {
        "AWS::AccountId": account,
        "AWS::Partition": "aws",
        "AWS::Region": region,
        "AWS::StackName": stack,
        "AWS::URLSuffix": "amazonaws.com",
    }
