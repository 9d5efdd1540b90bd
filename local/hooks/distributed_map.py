"""Step Functions: what moto's interpreter lacks of distributed maps, when they run.

- Items are batched, and results written, by the state's `ItemBatcher` and `ResultWriter` (`asl_grammar`).
- An item file of type `JSONL` is read as one JSON document a line.
- `ResultWriter` writes the results; moto writes only a manifest.
"""

from __future__ import annotations

import json
import threading
from importlib import import_module
from typing import Any

from local.hooks.asl_grammar import carried
from local.hooks.base import private, replace

_DEFAULT_BATCH = 1000
"""Items of a batch where the batcher does not say (ours)."""
_local = threading.local()


def batches(items: list[Any], batcher: dict[str, Any]) -> list[dict[str, Any]]:
    """Items in groups of `MaxItemsPerBatch`, each with the batch input.

    >>> batches(["a", "b", "c"], {"MaxItemsPerBatch": 2, "BatchInput": {"f": 1}})
    [{'BatchInput': {'f': 1}, 'Items': ['a', 'b']}, {'BatchInput': {'f': 1}, 'Items': ['c']}]
    """
    size = int(batcher.get("MaxItemsPerBatch") or _DEFAULT_BATCH)
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
        stack.append(carried(comment))
        try:
            return evaluate(self, env)
        finally:
            stack.pop()

    def run_batched(self: Any, env: Any, eval_input: Any) -> Any:
        settings = (_local.__dict__.get("carried") or [{}])[-1]
        if "batcher" in settings:
            env.stack.append(batches(env.stack.pop(), settings["batcher"]))
        map_run(self, env, eval_input)
        if "writer" in settings:
            region = env.aws_execution_details.region
            env.stack.append(_write(env, settings["writer"], env.stack.pop(), region))

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
    """Write a map's results and their manifest to S3; returns the map's output."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials
    from moto.stepfunctions.parser.asl.utils import boto_client

    credentials = StateCredentials(role_arn=env.aws_execution_details.role_arn)
    s3 = boto_client.boto_client_for(region, "s3", state_credentials=credentials)
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
