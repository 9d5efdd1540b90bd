"""Deploying `template.yaml` to an endpoint without the SAM CLI: package, SAM transform, CloudFormation.

What `sam build && sam deploy` does, from the sources, in a second: dependencies are those of this
environment. The template is the only description of the system.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

_LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
_FAILED = ("ROLLBACK", "FAILED")


class DeployError(RuntimeError):
    """A deployment failed; the text names each resource that did, and why."""


def zip_folder(folder: Path) -> bytes:
    """A folder as a zip with fixed dates, so that the same content has the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not _LEFT_OUT & set(path.parts):
                entry = zipfile.ZipInfo(str(path.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 1)
    return buffer.getvalue()


def package(template: Path, upload: Callable[[bytes, str], str]) -> dict[str, Any]:
    """The template with code and layers uploaded and definitions inlined."""
    from samtranslator.yaml_helper import yaml_parse

    root = template.parent
    document: dict[str, Any] = yaml_parse(template.read_text())
    zips: dict[Path, str] = {}

    def uploaded(folder: Path) -> str:
        if folder not in zips:
            zips[folder] = upload(zip_folder(folder), ".zip")
        return zips[folder]

    shared = document.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource in document["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = uploaded(root / properties.get("CodeUri", shared))
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = uploaded(root / properties["ContentUri"])
        elif resource["Type"] == "AWS::Serverless::StateMachine":
            uri = properties.pop("DefinitionUri", None)
            if isinstance(uri, str):
                properties["Definition"] = yaml.safe_load((root / uri).read_text())
    return document


def transform(document: dict[str, Any], parameters: dict[str, str], region: str) -> dict[str, Any]:
    """Serverless resources as plain CloudFormation ones."""
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    plain: dict[str, Any] = translator.translate(copy.deepcopy(document), parameter_values=dict(parameters))
    plain.pop("Transform", None)
    return plain


def deploy(
    client: Callable[[str], Any],
    template: Path,
    stack: str,
    parameters: dict[str, str] | None = None,
) -> dict[str, str]:
    """Create the stack, or update it when it exists; returns its outputs.

    `client` makes boto3 clients. Deploying the same template again changes nothing.
    Raises DeployError with the reason of each resource that failed.
    """
    s3, cloudformation = client("s3"), client("cloudformation")
    bucket = f"{stack}-artifacts"
    if bucket not in {item["Name"] for item in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name}
        )

    def upload(body: bytes, suffix: str) -> str:
        key = hashlib.sha256(body).hexdigest()[:32] + suffix
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    given = parameters or {}
    body = json.dumps(transform(package(template, upload), given, s3.meta.region_name))
    where = upload(body.encode(), ".template").removeprefix(f"s3://{bucket}/")
    content = hashlib.sha256(f"{where}{json.dumps(given, sort_keys=True)}".encode()).hexdigest()[:32]
    arguments = {
        "StackName": stack,
        "TemplateURL": f"https://s3.{s3.meta.region_name}.amazonaws.com/{bucket}/{where}",
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Tags": [{"Key": "deployed", "Value": content}],
    }
    existing = find(cloudformation, stack)
    if existing is None:
        cloudformation.create_stack(**arguments)
    else:
        tags = {tag["Key"]: tag["Value"] for tag in existing.get("Tags", [])}
        if tags.get("deployed") == content and not existing["StackStatus"].startswith(_FAILED):
            return _outputs(existing)
        try:
            cloudformation.update_stack(**arguments)
        except Exception as error:
            if "No updates are to be performed" not in str(error):
                raise
    return _outputs(_wait(cloudformation, stack))


def find(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    """A stack's description, or None when it does not exist."""
    try:
        found: list[dict[str, Any]] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except Exception as error:
        if "does not exist" in str(error):
            return None
        raise
    return next((item for item in found if item["StackStatus"] != "DELETE_COMPLETE"), None)


def _outputs(description: dict[str, Any]) -> dict[str, str]:
    return {item["OutputKey"]: item["OutputValue"] for item in description.get("Outputs", [])}


def _wait(cloudformation: Any, stack: str) -> dict[str, Any]:
    while True:
        description = find(cloudformation, stack)
        if description is None:
            raise DeployError(f"stack {stack} vanished while it was deployed")
        status = description["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            break
        time.sleep(0.1)
    if any(word in status for word in _FAILED):
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): "
            f"{event.get('ResourceStatusReason', '')}"
            for event in events
            if "FAILED" in event["ResourceStatus"]
        ]
        raise DeployError(f"stack {stack} is {status}:\n" + "\n".join(reasons))
    return description
