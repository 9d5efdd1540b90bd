"""Can the functions read the configuration that was deployed?

A deployment takes `configs/` into a layer of its own. What lies there is checked as `ona validate` checks
this checkout's files, so that a configuration that some other way led in is seen before a file fails.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import urllib3

from ona.runtime.words import counted
from ops import validate
from ops.doctor.finding import Finding, Subject
from ops.target import OpsError, Target

TITLE = "configuration"
ORDER = 85
_FUNCTION = "detect"
"""Any function: all of them have the one layer with the configuration."""
_PATIENCE_S = 10.0
"""Seconds that the embedded cloud may take to hand out a layer (ours)."""


def examine(subject: Subject) -> Iterator[Finding]:
    """The files of the deployed layer, each by itself, and whether they agree."""
    target = subject.target
    if target is None or target.embedded is None or not _is_deployed(target):
        return
    arn, content = _layer(target)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(folder)
        problems = validate.configurations(Path(folder))
        files = len([path for path in Path(folder).rglob("*.yaml") if path.is_file()])
    for problem in problems:
        yield Finding.problem(
            f"deployed and unusable: {problem}",
            where=arn,
            mend="mend the file in configs/, check it with `ona validate`, then `ona up`",
        )
    if not problems:
        yield Finding.good(f"what is deployed can be read, and its files agree: {counted(files, 'file')}")


def _is_deployed(target: Target) -> bool:
    """Whether there is a deployment; the check of the deployment says what is wrong where there is none."""
    try:
        return bool(target.outputs)
    except OpsError:
        return False


def _layer(target: Target) -> tuple[str, bytes]:
    """The layer with the configuration: its ARN, its zip."""
    client = target.client("lambda")
    function = client.get_function_configuration(FunctionName=target.function(_FUNCTION))
    name = f":layer:ona-config-{target.outputs['Environment']}:"
    arn = next(str(layer["Arn"]) for layer in function["Layers"] if name in layer["Arn"])
    address = client.get_layer_version_by_arn(Arn=arn)["Content"]["Location"]
    answer = urllib3.request("GET", address, timeout=_PATIENCE_S, retries=False)
    if answer.status != 200:
        raise OpsError(f"the layer {arn} was not handed out: status {answer.status}")
    return arn, bytes(answer.data)
