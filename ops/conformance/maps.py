"""Map states: what AWS demands of their fields, and what a Distributed Map demands of the role."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ops.conformance.expressions import sample
from ops.conformance.findings import GUIDE, Finding, State, states
from ops.conformance.machines import Machine
from ops.conformance.policy import ANY, Need

DISTRIBUTED = GUIDE + "state-map-distributed.html"
ROLE = GUIDE + "iam-policies-eg-dist-map.html"
REDRIVE = GUIDE + "redrive-map-run.html"
READER = GUIDE + "input-output-itemreader.html"
WRITER = GUIDE + "input-output-resultwriter.html"
BATCHER = GUIDE + "input-output-itembatcher.html"
INLINE = GUIDE + "state-map-inline.html"
MOST_INLINE, MOST_CHILDREN = 40, 10_000
"""AWS: iterations and child executions side by side."""
MOST_BATCH_BYTES = 262_144
"""AWS: the largest input of a child."""
_LONGEST_LABEL = 40
_ONLY_DISTRIBUTED = (
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
)
_READERS = {"s3:listObjectsV2": {"Bucket"}, "s3:getObject": {"Bucket", "Key"}}
_INPUT_TYPES = {"CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"}


def distributed(state: State) -> bool:
    """Whether a state is a Distributed Map."""
    mode = state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode")
    return state.get("Type") == "Map" and mode == "DISTRIBUTED"


def check(machine: Machine) -> Iterator[Finding]:
    """What is wrong with the maps of a machine."""
    labels = Counter(str(state["Label"]) for _, state, _ in states(machine.definition) if "Label" in state)
    for where, state, _ in states(machine.definition):
        if state.get("Type") != "Map":
            continue
        if distributed(state):
            yield from _distributed(where, state, machine)
            if labels[str(state.get("Label"))] > 1:
                yield Finding(where, "Label", "stands twice in one machine", DISTRIBUTED)
        else:
            for field in _ONLY_DISTRIBUTED:
                if field in state:
                    yield Finding(where, "map", f"an inline map has no {field}", INLINE)
            most = state.get("MaxConcurrency", 0)
            if isinstance(most, int) and most > MOST_INLINE:
                yield Finding(where, "map", f"an inline map runs {MOST_INLINE} at once at most", INLINE)
        if "Items" in state and "ItemReader" in state:
            yield Finding(where, "map", "Items and ItemReader exclude each other", READER)


def _distributed(where: str, state: State, machine: Machine) -> Iterator[Finding]:
    config = state["ItemProcessor"]["ProcessorConfig"]
    if config.get("ExecutionType") not in ("STANDARD", "EXPRESS"):
        yield Finding(where, "map", "ExecutionType STANDARD or EXPRESS is demanded", DISTRIBUTED)
    if machine.properties.get("StateMachineType", "STANDARD") != "STANDARD":
        yield Finding(where, "map", "a Distributed Map needs a Standard workflow", DISTRIBUTED)
    label = str(state.get("Label", "x"))
    if len(label) > _LONGEST_LABEL or not re.fullmatch(r"[^\s?*<>{}\[\]:;,\\|^~$#%&`\"/]+", label):
        yield Finding(
            where, "Label", f"at most {_LONGEST_LABEL} letters without spaces or signs", DISTRIBUTED
        )
    most = state.get("MaxConcurrency", 0)
    if isinstance(most, int) and not 0 <= most <= MOST_CHILDREN:
        yield Finding(where, "map", f"MaxConcurrency is at most {MOST_CHILDREN}", DISTRIBUTED)
    share = state.get("ToleratedFailurePercentage", 0)
    if isinstance(share, bool) or (isinstance(share, int | float) and not 0 <= share <= 100):
        yield Finding(where, "map", "ToleratedFailurePercentage lies between 0 and 100", DISTRIBUTED)
    count = state.get("ToleratedFailureCount", 0)
    if isinstance(count, bool | float) or (isinstance(count, int) and count < 0):
        yield Finding(where, "map", "ToleratedFailureCount is a whole number from 0", DISTRIBUTED)
    yield from _reader(where, state)
    yield from _batcher(where, state)
    yield from _writer(where, state)


def _reader(where: str, state: State) -> Iterator[Finding]:
    reader = state.get("ItemReader")
    if reader is None:
        return
    name = str(reader.get("Resource", "")).removeprefix("arn:aws:states:::")
    if name not in _READERS:
        yield Finding(where, "ItemReader", f"cannot read by {name!r}", READER)
        return
    if "Parameters" in reader:
        yield Finding(where, "ItemReader", "has Arguments in JSONata, not Parameters", READER)
    for field in sorted(_READERS[name] - reader.get("Arguments", {}).keys()):
        yield Finding(where, "ItemReader", f"needs {field}", READER)
    config = reader.get("ReaderConfig", {})
    if name == "s3:getObject" and config.get("InputType") not in _INPUT_TYPES:
        yield Finding(where, "ItemReader", f"InputType is one of {sorted(_INPUT_TYPES)}", READER)
    if config.get("InputType") == "CSV" and "CSVHeaderLocation" not in config:
        yield Finding(where, "ItemReader", "CSV needs CSVHeaderLocation", READER)


def _batcher(where: str, state: State) -> Iterator[Finding]:
    batcher = state.get("ItemBatcher")
    if batcher is None:
        return
    if not {"MaxItemsPerBatch", "MaxInputBytesPerBatch"} & batcher.keys():
        yield Finding(where, "ItemBatcher", "needs MaxItemsPerBatch or MaxInputBytesPerBatch", BATCHER)
    if batcher.get("MaxInputBytesPerBatch", 0) > MOST_BATCH_BYTES:
        yield Finding(where, "ItemBatcher", f"a batch has {MOST_BATCH_BYTES} bytes at most", BATCHER)


def _writer(where: str, state: State) -> Iterator[Finding]:
    writer = state.get("ResultWriter")
    if writer is None or "Resource" not in writer:
        text = "without results in S3 its output ends at 256 KiB, about 800 children"
        yield Finding(where, "ResultWriter", text, WRITER)
        return
    if writer["Resource"] != "arn:aws:states:::s3:putObject":
        yield Finding(where, "ResultWriter", f"cannot write by {writer['Resource']!r}", WRITER)
    if "Parameters" in writer:
        yield Finding(where, "ResultWriter", "has Arguments in JSONata, not Parameters", WRITER)
    for field in ("Bucket", "Prefix"):
        if not writer.get("Arguments", {}).get(field):
            yield Finding(where, "ResultWriter", f"needs {field}", WRITER)
    config = writer.get("WriterConfig", {})
    if config.get("Transformation", "NONE") not in ("NONE", "COMPACT", "FLATTEN"):
        yield Finding(where, "ResultWriter", "Transformation is NONE, COMPACT or FLATTEN", WRITER)
    if config.get("OutputType", "JSON") not in ("JSON", "JSONL"):
        yield Finding(where, "ResultWriter", "OutputType is JSON or JSONL", WRITER)


def needs(machine: Machine) -> Iterator[Need]:
    """What Distributed Maps demand of the role."""
    for where, state, _ in states(machine.definition):
        if not distributed(state):
            continue
        label = str(state.get("Label", ANY))
        children = machine.arn.replace(":stateMachine:", ":execution:") + f"/{label}:{ANY}"
        why = f"{where} runs its items as executions"
        yield Need("states:StartExecution", machine.arn, where, why, ROLE)
        yield Need("states:DescribeExecution", children, where, why, ROLE)
        yield Need("states:StopExecution", children, where, why, ROLE)
        yield Need("states:RedriveExecution", children, where, "a redrive runs failed items again", REDRIVE)
        yield from _reads(where, state)
        yield from _writes(where, state)


def _reads(where: str, state: State) -> Iterator[Need]:
    reader = state.get("ItemReader", {})
    given = reader.get("Arguments", {})
    bucket = f"arn:aws:s3:::{sample(given.get('Bucket', ''))}"
    resource = str(reader.get("Resource", ""))
    if resource.endswith("s3:listObjectsV2"):
        yield Need("s3:ListBucket", bucket, where, f"{where} lists its items", READER)
    if resource.endswith("s3:getObject"):
        key = f"{bucket}/{sample(given.get('Key', ''))}"
        yield Need("s3:GetObject", key, where, f"{where} reads its items", READER)


def _writes(where: str, state: State) -> Iterator[Need]:
    given = state.get("ResultWriter", {}).get("Arguments", {})
    if not given:
        return
    prefix = sample(given.get("Prefix", "")).rstrip("/")
    place = f"arn:aws:s3:::{sample(given.get('Bucket', ''))}/{prefix}/{ANY}"
    for action in ("PutObject", "GetObject", "ListMultipartUploadParts", "AbortMultipartUpload"):
        yield Need(f"s3:{action}", place, where, f"{where} writes its results", WRITER)
