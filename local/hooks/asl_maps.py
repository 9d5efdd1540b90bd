"""Step Functions: what AWS demands of a Map state.

Source: developer guide of AWS Step Functions, "Using Map state in Inline mode", "… in Distributed mode",
"ItemReader", "ItemBatcher", "ResultWriter".

>>> inline = {"ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}}, "Label": "x"}
>>> list(problems("/States/A", inline))
["SCHEMA_VALIDATION_FAILED: Field 'Label' is not supported in INLINE mode at /States/A"]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local.hooks.asl_resources import fields, invalid

ONLY_DISTRIBUTED = (
    "ItemReader", "ItemBatcher", "ResultWriter", "Label",
    "ToleratedFailureCount", "ToleratedFailureCountPath",
    "ToleratedFailurePercentage", "ToleratedFailurePercentagePath",
)  # fmt: skip
_LABEL = re.compile(r"[^\s?*<>{}\[\]:;,\\|^~$#%&`\"/]{1,40}")
_MOST_ITEMS = 100_000_000
_MOST_BATCH_BYTES = 262_144
_DELIMITERS = ("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")
_TRANSFORMATIONS, _OUTPUT_TYPES = ("NONE", "COMPACT", "FLATTEN"), ("JSON", "JSONL")

_READERS = {
    "arn:aws:states:::s3:listObjectsV2": ({"Bucket"}, {"Bucket", "Prefix"}),
    "arn:aws:states:::s3:getObject": (
        {"Bucket", "Key"},
        {"Bucket", "Key", "VersionId", "ExpectedBucketOwner"},
    ),
}
_WRITERS = {"arn:aws:states:::s3:putObject": ({"Bucket"}, {"Bucket", "Prefix"})}
"""By resource: the arguments that are needed, and all that there are."""


def problems(where: str, state: dict[str, Any]) -> Iterator[str]:
    """What AWS refuses in a Map state's own fields."""
    config = (state.get("ItemProcessor") or {}).get("ProcessorConfig") or {}
    if config.get("Mode", "INLINE") != "DISTRIBUTED":
        for name in ONLY_DISTRIBUTED:
            if name in state:
                yield invalid(where, f"Field '{name}' is not supported in INLINE mode")
        if "ExecutionType" in config:
            yield invalid(where, "Field 'ExecutionType' is not supported in INLINE mode")
        return
    if config.get("ExecutionType") not in ("STANDARD", "EXPRESS"):
        yield invalid(where, "Field 'ExecutionType' is required, STANDARD or EXPRESS")
    if "Label" in state and not _LABEL.fullmatch(str(state["Label"])):
        yield invalid(where, "Label has at most 40 characters, without spaces and special characters")
    share, count = state.get("ToleratedFailurePercentage", 0), state.get("ToleratedFailureCount", 0)
    if isinstance(share, int | float) and not 0 <= share <= 100:
        yield invalid(where, "ToleratedFailurePercentage must be between 0 and 100")
    if isinstance(count, int) and count < 0:
        yield invalid(where, "ToleratedFailureCount must not be negative")
    if "Items" in state and "ItemReader" in state:
        yield invalid(where, "'Items' and 'ItemReader' exclude each other")
    yield from _batcher(where, state.get("ItemBatcher"))
    yield from _reader(where, state.get("ItemReader"))
    yield from _writer(where, state.get("ResultWriter"))


def _batcher(where: str, batcher: Any) -> Iterator[str]:
    if not isinstance(batcher, dict):
        return
    sizes = {"MaxItemsPerBatch": _MOST_ITEMS, "MaxInputBytesPerBatch": _MOST_BATCH_BYTES}
    if not any(name.removesuffix("Path") in sizes for name in batcher):
        yield invalid(where, "ItemBatcher needs MaxItemsPerBatch or MaxInputBytesPerBatch")
    for name, most in sizes.items():
        if isinstance(batcher.get(name), int) and not 1 <= batcher[name] <= most:
            yield invalid(where, f"{name} must be between 1 and {most}")


def _reader(where: str, reader: Any) -> Iterator[str]:
    if not isinstance(reader, dict):
        return
    config = reader.get("ReaderConfig") or {}
    kind = config.get("InputType")
    yield from _place(where, "ItemReader", reader, _READERS)
    if str(reader.get("Resource", "")).endswith(":s3:getObject") == (kind is None):
        yield invalid(where, "InputType belongs to reading an object by s3:getObject")
    if kind == "CSV":
        place = config.get("CSVHeaderLocation")
        if place not in ("FIRST_ROW", "GIVEN"):
            yield invalid(where, "InputType CSV needs CSVHeaderLocation")
        if (place == "GIVEN") != ("CSVHeaders" in config):
            yield invalid(where, "CSVHeaders belongs to CSVHeaderLocation GIVEN")
    if config.get("CSVDelimiter", "COMMA") not in _DELIMITERS:
        yield invalid(where, f"CSVDelimiter is one of {', '.join(_DELIMITERS)}")
    most = config.get("MaxItems")
    if isinstance(most, int) and not 1 <= most <= _MOST_ITEMS:
        yield invalid(where, f"MaxItems must be between 1 and {_MOST_ITEMS}")


def _writer(where: str, writer: Any) -> Iterator[str]:
    if not isinstance(writer, dict):
        return
    config = writer.get("WriterConfig") or {}
    if "Resource" in writer:
        yield from _place(where, "ResultWriter", writer, _WRITERS)
    if not config and "Resource" not in writer:
        yield invalid(where, "ResultWriter needs Resource or WriterConfig")
    for name, allowed in (("Transformation", _TRANSFORMATIONS), ("OutputType", _OUTPUT_TYPES)):
        if name in config and config[name] not in allowed:
            yield invalid(where, f"{name} is one of {', '.join(allowed)}")


def _place(
    where: str, field: str, holder: dict[str, Any], known: dict[str, tuple[set[str], set[str]]]
) -> Iterator[str]:
    """Where a reader reads or a writer writes."""
    resource = holder.get("Resource")
    if resource not in known:
        yield invalid(f"{where}/{field}", f"The resource provided {resource} is not recognized")
        return
    needed, all_of_it = known[str(resource)]
    given = holder.get("Arguments", holder.get("Parameters", {}))
    yield from fields(f"{where}/{field}", given, all_of_it, needed)
