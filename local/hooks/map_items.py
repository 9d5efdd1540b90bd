"""Step Functions: what moto's interpreter lacks of distributed maps, when they read their items.

- A listing is read to its end, a page of 1 000 objects after the other; an empty one has no items.
- An item file of type `JSONL` is read as one JSON document a line.
- What cannot be read is `States.ItemReaderFailed`.
- Items are batched by the state's `ItemBatcher`.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from local.hooks.base import private, replace

_DEFAULT_BATCH = 1000
"""Items of a batch where the batcher does not say (ours)."""


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
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader import item_reader_decl
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import (
        resource_eval_s3 as reader_s3,
    )
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import (
        resource_output_transformer as transformers,
    )

    transformer_json = import_module(f"{transformers.__name__}.transformer_json")
    reader = transformer_json.ResourceOutputTransformerJson
    read_json = private(reader, "_eval_body")
    read_items = private(item_reader_decl.ItemReader, "_eval_body")

    def read_lines(self: Any, env: Any) -> Any:
        config, text = env.stack.pop(), env.stack.pop()
        try:
            json.loads(text)
        except ValueError:
            text = json.dumps([json.loads(line) for line in text.splitlines() if line.strip()])
        env.stack.append(text)
        env.stack.append(config)
        return read_json(self, env)

    def read_or_fail(self: Any, env: Any) -> Any:
        try:
            return read_items(self, env)
        except Exception as error:
            _fail_again(error)
            raise failure(env, "States.ItemReaderFailed", str(error)) from error

    replace(reader, "_eval_body", read_lines)
    replace(item_reader_decl.ItemReader, "_eval_body", read_or_fail)
    replace(reader_s3.ResourceEvalS3, "_handle_list_objects_v2", staticmethod(_list_all))


def failure(env: Any, name: str, cause: str) -> Exception:
    """The exception by which moto fails a state with an error of Step Functions itself."""
    from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
    from moto.stepfunctions.parser.asl.component.common.error_name import failure_event
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

    details = EventDetails(mapRunFailedEventDetails=MapRunFailedEventDetails(error=name, cause=cause))
    error: Exception = failure_event.FailureEventException(
        failure_event.FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=StatesErrorNameType.from_name(name)),
            event_type=HistoryEventType.MapRunFailed,
            event_details=details,
        )
    )
    return error


def _fail_again(error: Exception) -> None:
    """Raise what already carries an error of Step Functions, such as a wrong expression."""
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEventException,
    )

    if isinstance(error, FailureEventException):
        raise error


def s3_of(env: Any, region: str) -> Any:
    """The S3 client of the state machine's role."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials
    from moto.stepfunctions.parser.asl.utils import boto_client

    role = StateCredentials(role_arn=env.aws_execution_details.role_arn)
    return boto_client.boto_client_for(region=region, service="s3", state_credentials=role)


def _list_all(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
    """moto's handler of `s3:listObjectsV2`: parameters on the stack, then objects with AWS's fields."""
    del state_credentials
    pages = s3_of(env, resource_runtime_part.region).get_paginator("list_objects_v2")
    env.stack.append(
        [
            {
                "Etag": item["ETag"],
                "Key": item["Key"],
                "LastModified": int(item["LastModified"].timestamp()),
                "Size": item["Size"],
                "StorageClass": item.get("StorageClass", "STANDARD"),
            }
            for page in pages.paginate(**env.stack.pop())
            for item in page.get("Contents", [])
        ]
    )
