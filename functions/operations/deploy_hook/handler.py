"""DeployHook: CodeDeploy asks before a new version gets calls; the version is tried with its sample event.

Its event and its answer: AWS CodeDeploy User Guide, "AppSpec 'hooks' section for an AWS Lambda deployment".
The trial is a probe (`ona.runtime.probe`), as of `ona deploy validate`: it reads, and writes nothing.
"""

from __future__ import annotations

from typing import Any

from ona.documents.base import Document
from ona.runtime import probe
from ona.runtime.observability import handler, logger
from operations.deploy_hook import store, trial


class HookRequest(Document):
    """What CodeDeploy sends."""

    DeploymentId: str
    LifecycleEventHookExecutionId: str


@handler
def lambda_handler(event: Any, _: Any) -> dict[str, Any]:
    """`HookRequest` in; CodeDeploy and the caller hear what the trial found.

    Raises DependencyBusy, so that Lambda asks again, and botocore's other errors: a hook that cannot answer
    is a deployment that fails after an hour.
    """
    request = HookRequest.read(event, "event")
    nobody = {"status": "", "text": "there is no such deployment", "samples": len(store.samples())}
    if probe.running():  # its sample names a deployment of nobody, and a probe invokes nothing
        return nobody
    spec = store.app_spec(request.DeploymentId)
    if spec is None:
        return nobody
    target = trial.target(spec)
    sample = store.sample(trial.stem(target.function, store.environment_name()))
    found = trial.NO_SAMPLE if sample is None else trial.verdict(*store.tried(target, sample))
    status = "Succeeded" if found.ok else "Failed"
    told = {"status": status, "function": target.function, "version": target.version, "text": found.text}
    logger.info("a new version was tried", extra={"deployment": request.DeploymentId, **told})
    store.tell(request.DeploymentId, request.LifecycleEventHookExecutionId, status)
    return told
