"""Step Functions: a definition as moto's grammar takes it.

moto's parser knows neither `ItemBatcher` nor, in JSONata machines, `ResultWriter`. They travel through the
parser in the comment of their Map state; `distributed_map` applies them when the map runs. What would be
ignored silently is refused by name.

>>> state = {"Type": "Map", "ItemBatcher": {"MaxItemsPerBatch": 2}}
>>> carried(normalise(state)["Comment"])
{'batcher': {'MaxItemsPerBatch': 2}}
"""

from __future__ import annotations

import json
from typing import Any

_MARK = "#ona:"
"""Behind it, in hexadecimal JSON, stands what a comment carries."""


class NotSupported(ValueError):
    """Something of Amazon States Language that the embedded cloud cannot do; the text names it."""


def normalise(node: Any) -> Any:
    """A definition that moto can parse, at every depth.

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
        taken = _take_unparsable(node)
        if taken:
            node["Comment"] = (node.get("Comment") or "") + _MARK + json.dumps(taken).encode().hex()
    if node.get("InputType") == "JSONL":
        node["InputType"] = "JSON"
    return {key: normalise(value) for key, value in node.items()}


def _take_unparsable(state: dict[str, Any]) -> dict[str, Any]:
    """Take what moto cannot parse out of a Map state. Raises NotSupported."""
    taken: dict[str, Any] = {}
    if "ItemBatcher" in state:
        if "ItemSelector" in state:
            raise NotSupported("the embedded cloud cannot do ItemBatcher together with ItemSelector")
        taken["batcher"] = state.pop("ItemBatcher")
    writer = state.get("ResultWriter")
    if isinstance(writer, dict) and ("Arguments" in writer or "WriterConfig" in writer):
        taken["writer"] = _writer(writer)
        del state["ResultWriter"]
    return taken


def _writer(writer: dict[str, Any]) -> dict[str, Any]:
    """Where a `ResultWriter` writes (`place`) and in which form (`config`). Raises NotSupported."""
    place = writer.get("Arguments", writer.get("Parameters"))
    if any(key.endswith(".$") for key in place or {}):
        raise NotSupported("the embedded cloud cannot do JSONPath in a ResultWriter with WriterConfig")
    given = {"place": place} if place is not None else {}
    return {**given, "config": writer.get("WriterConfig", {})}


def carried(comment: str) -> dict[str, Any]:
    """What a Map state's comment carries: `batcher`, `writer`, both or neither."""
    if _MARK not in comment:
        return {}
    parsed: dict[str, Any] = json.loads(bytes.fromhex(comment.split(_MARK, 1)[1]))
    return parsed
