"""Distributed maps: what moto's interpreter lacks.

- `ItemBatcher` and, in JSONata machines, `ResultWriter`: moto's grammar knows neither. They are carried
  through the parser in the state's comment and applied when the map runs. A batcher together with an
  `ItemSelector`, and JSONata inside a writer, are refused by name.
- `JSONL` item files, read as one JSON document a line.
- `ResultWriter` writes the results, not only a manifest.
"""

from __future__ import annotations

import json
import threading
from importlib import import_module
from typing import Any

from local.hooks.base import private, replace

_MARK = "#ona:"
_local = threading.local()


class NotSupported(ValueError):
    """Something of Amazon States Language that the embedded cloud cannot do; the text names it."""


def normalise(node: Any) -> Any:
    """A definition as moto's grammar takes it: floats where it wants them, batchers in comments.

    Raises NotSupported for what would otherwise be ignored silently.
    """
    if isinstance(node, list):
        return [normalise(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = dict(node)
    if isinstance(node.get("ToleratedFailurePercentage"), int):
        node["ToleratedFailurePercentage"] = float(node["ToleratedFailurePercentage"])
    if node.get("Type") == "Map":
        carried = _carried(node)
        if carried:
            hidden = json.dumps(carried).encode().hex()
            node["Comment"] = (node.get("Comment") or "") + _MARK + hidden
    if node.get("InputType") == "JSONL":
        node["InputType"] = "JSON"
    return {key: normalise(value) for key, value in node.items()}


def _carried(state: dict[str, Any]) -> dict[str, Any]:
    """Take what moto cannot parse out of a Map state. Raises NotSupported."""
    carried: dict[str, Any] = {}
    if "ItemBatcher" in state:
        if "ItemSelector" in state:
            raise NotSupported("the embedded cloud cannot do ItemBatcher together with ItemSelector")
        carried["batcher"] = state.pop("ItemBatcher")
    writer = state.get("ResultWriter")
    if isinstance(writer, dict) and "Arguments" in writer:
        if "{%" in json.dumps(writer["Arguments"]):
            raise NotSupported("the embedded cloud cannot do JSONata in a ResultWriter")
        carried["writer"] = writer["Arguments"]
        del state["ResultWriter"]
    return carried


def _hidden(comment: str) -> dict[str, Any]:
    if _MARK not in comment:
        return {}
    parsed: dict[str, Any] = json.loads(bytes.fromhex(comment.split(_MARK, 1)[1]))
    return parsed


def batches(items: list[Any], batcher: dict[str, Any]) -> list[dict[str, Any]]:
    """Items in groups of `MaxItemsPerBatch`, each with the batch input."""
    size = int(batcher.get("MaxItemsPerBatch") or 1000)
    extra = {"BatchInput": batcher["BatchInput"]} if batcher.get("BatchInput") else {}
    return [{**extra, "Items": items[i : i + size]} for i in range(0, len(items), size)]


def install() -> None:
    """Apply the hooks."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map import state_map
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import (
        resource_output_transformer as transformers,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
        distributed_iteration_component,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (
        resource_eval_s3,
    )

    evaluate = private(state_map.StateMap, "_eval_execution")
    component = distributed_iteration_component.DistributedIterationComponent
    map_run = private(component, "_map_run")
    transformer_json = import_module(f"{transformers.__name__}.transformer_json")
    reader = transformer_json.ResourceOutputTransformerJson
    read_json = private(reader, "_eval_body")

    def eval_execution(self: Any, env: Any) -> Any:
        stack = _local.__dict__.setdefault("carried", [])
        comment = getattr(getattr(self, "comment", None), "comment", "") or ""
        stack.append(_hidden(comment))
        try:
            return evaluate(self, env)
        finally:
            stack.pop()

    def run_batched(self: Any, env: Any, eval_input: Any) -> Any:
        carried = (_local.__dict__.get("carried") or [{}])[-1]
        if "batcher" in carried:
            env.stack.append(batches(env.stack.pop(), carried["batcher"]))
        map_run(self, env, eval_input)
        if "writer" in carried:
            region = env.aws_execution_details.region
            env.stack.append(_write(env, carried["writer"], env.stack.pop(), region))

    def read_lines(self: Any, env: Any) -> Any:
        config, text = env.stack.pop(), env.stack.pop()
        try:
            json.loads(text)
        except ValueError:
            text = json.dumps([json.loads(line) for line in text.splitlines() if line.strip()])
        env.stack.append(text)
        env.stack.append(config)
        return read_json(self, env)

    replace(state_map.StateMap, "_eval_execution", eval_execution)
    replace(component, "_map_run", run_batched)
    replace(reader, "_eval_body", read_lines)
    replace(resource_eval_s3.ResourceEvalS3, "_handle_put_object", staticmethod(_write_results))


def _write_results(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
    """moto's handler of `ResultWriter` in JSONPath machines: parameters and results on the stack."""
    del state_credentials
    parameters, results = env.stack.pop(), env.stack.pop()
    env.stack.append(_write(env, parameters, results, resource_runtime_part.region))


def _write(env: Any, parameters: dict[str, Any], results: list[Any], region: str) -> dict[str, Any]:
    from moto.stepfunctions.parser.asl.utils import boto_client

    s3 = boto_client.boto_client_for(region, "s3", state_credentials=None)
    run = env.map_run_record_pool_manager.get_all().pop()
    prefix = (parameters.get("Prefix") or "").rstrip("/")
    base = f"{prefix}/{run.map_run_arn.split(':')[-1]}".lstrip("/")
    body = json.dumps(
        [{"Output": json.dumps(item, default=str), "Status": "SUCCEEDED"} for item in results]
    )
    bucket = parameters["Bucket"]
    s3.put_object(Bucket=bucket, Key=f"{base}/SUCCEEDED_0.json", Body=body.encode())
    manifest = {
        "DestinationBucket": bucket,
        "MapRunArn": run.map_run_arn,
        "ResultFiles": {
            "FAILED": [],
            "PENDING": [],
            "SUCCEEDED": [{"Key": f"{base}/SUCCEEDED_0.json", "Size": len(body)}],
        },
    }
    s3.put_object(Bucket=bucket, Key=f"{base}/manifest.json", Body=json.dumps(manifest).encode())
    return {
        "MapRunArn": run.map_run_arn,
        "ResultWriterDetails": {"Bucket": bucket, "Key": f"{base}/manifest.json"},
    }
