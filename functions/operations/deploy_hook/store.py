"""What DeployHook asks of CodeDeploy and Lambda, and the sample events, which lie in its layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ona.runtime import probe
from ona.runtime.aws import client, environment, translate
from operations.deploy_hook.trial import Target, at_home, spec_of

PATIENCE_S = 890
"""So long a probe is waited for, in seconds: a function has 900 s at most, and so has the hook."""


def environment_name() -> str:
    """`dev`, `staging` or `prod`."""
    return environment("ONA_ENVIRONMENT")


def samples() -> dict[str, Path]:
    """The sample events by their names, beside the hook's own."""
    own = Path(environment("OWN_SAMPLE"))
    return {path.stem: path for path in own.parents[1].glob("*/*.json")}


def sample(name: str) -> Any | None:
    """A function's sample event with this platform's names; None when it has none."""
    path = samples().get(name)
    if path is None:
        return None
    buckets = {"input": environment("INPUT_BUCKET"), "output": environment("OUTPUT_BUCKET")}
    return json.loads(at_home(path.read_text("utf-8"), buckets, environment_name()))


def app_spec(deployment: str) -> str | None:
    """What a deployment does; None when there is none. Raises DependencyBusy, and botocore's errors."""
    deploys = client("codedeploy")
    try:
        told = deploys.get_deployment(deploymentId=deployment)["deploymentInfo"]
    except (
        deploys.exceptions.DeploymentDoesNotExistException,
        deploys.exceptions.InvalidDeploymentIdException,
    ):
        return None
    except Exception as error:
        raise translate(error, f"deployment {deployment}") from error
    return spec_of(told)


def tried(target: Target, event: Any) -> tuple[Any, bool]:
    """Run one version as a probe: its answer, and whether Lambda says that it failed.

    Raises DependencyBusy. That the hook may not invoke it is an error of botocore's.
    """
    payload = json.dumps(probe.asking(event)).encode()
    try:
        answer = client("lambda", PATIENCE_S).invoke(
            FunctionName=target.function, Qualifier=target.version, Payload=payload
        )
        return json.loads(answer["Payload"].read()), "FunctionError" in answer
    except Exception as error:
        raise translate(error, f"{target.function} version {target.version}") from error


def tell(deployment: str, execution: str, status: str) -> None:
    """Answer CodeDeploy. Raises DependencyBusy, and botocore's other errors."""
    try:
        client("codedeploy").put_lifecycle_event_hook_execution_status(
            deploymentId=deployment, lifecycleEventHookExecutionId=execution, status=status
        )
    except Exception as error:
        raise translate(error, f"deployment {deployment}") from error
