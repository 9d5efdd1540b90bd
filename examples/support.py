"""The platform inside this process: the real handlers, with buckets and tables in memory (moto).

The notebooks use only this module, `ops.demo` (simulated data) and the handlers' own payloads. Nothing
leaves the process: no AWS account, no network, no embedded cloud. The clock stands at a given moment, so
that a notebook says the same on every day.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
from datetime import datetime, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pandas as pd
import yaml
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "functions"))

from ona.runtime import aws, clock
from ona.runtime.identity import digest, file_id
from ona.store.tables import to_item

ROOT = Path(__file__).resolve().parents[1]
REGION = "af-south-1"
INPUT, OUTPUT = "ona-example-input", "ona-example-output"

os.environ.update(
    ONA_ENVIRONMENT="dev",
    INPUT_BUCKET=INPUT,
    OUTPUT_BUCKET=OUTPUT,
    WEATHER_PROVIDER="recorded",
    AWS_DEFAULT_REGION=REGION,
    AWS_ACCESS_KEY_ID="in-memory",
    AWS_SECRET_ACCESS_KEY="in-memory",
    POWERTOOLS_LOG_LEVEL="CRITICAL",
    POWERTOOLS_METRICS_NAMESPACE="Ona/Platform",
    POWERTOOLS_SERVICE_NAME="example",
    OMP_NUM_THREADS="1",  # two notebooks on two cores: more threads would wait for each other
)
pd.set_option("display.width", 160, "display.max_columns", 20)
for _name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
    os.environ.pop(_name, None)


class _Clock(datetime):
    """`datetime` for `ona.runtime.clock`, the one place that reads the time: `now` is what was set."""

    moment: datetime

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return cls.moment.astimezone(tz)


class Platform:
    """Buckets and tables in memory, a clock that stands still, and the handlers by name.

    `now` is ISO 8601 with its zone, e.g. `2025-06-14T02:00:00Z`.
    """

    _memory: Any = None

    def __init__(self, now: str) -> None:
        self.set_clock(now)
        self._folder = tempfile.TemporaryDirectory(prefix="ona-example-")
        self.configs = Path(self._folder.name) / "configs"
        shutil.copytree(ROOT / "configs", self.configs)
        os.environ["ONA_CONFIG_DIR"] = str(self.configs)
        clock.datetime = _Clock  # type: ignore[attr-defined]
        if Platform._memory:  # the cell was run again: begin with empty buckets
            Platform._memory.stop()
        Platform._memory = mock_aws()
        Platform._memory.start()
        aws.client.cache_clear()
        self.s3, self.dynamodb = boto3.client("s3"), boto3.client("dynamodb")
        for bucket in (INPUT, OUTPUT):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for name, table in _tables():
            self.dynamodb.create_table(TableName=name, **table)
            os.environ[name] = name

    def set_clock(self, now: str) -> None:
        """Let it be this moment for every handler."""
        _Clock.moment = datetime.fromisoformat(now.replace("Z", "+00:00"))

    def configure(self, name: str, section: str, **values: Any) -> None:
        """Change values of a file of `configs/`, in a copy of this platform's own. Call it before the first
        handler: a handler reads its configuration once."""
        path = self.configs / name
        document = yaml.safe_load(path.read_text())
        document[section].update(values)
        path.write_text(yaml.safe_dump(document))

    def put(self, key: str, body: bytes | str) -> dict[str, Any]:
        """Put a file into the input bucket. Returns the payload that starts a workflow: where the file
        lies, its id, and the execution that works on it."""
        self.s3.put_object(Bucket=INPUT, Key=key, Body=body.encode() if isinstance(body, str) else body)
        return {
            "source": {"bucket": INPUT, "key": key},
            "file_id": file_id(INPUT, key, ""),
            "execution_id": f"execution-{digest(key)}",
        }

    def put_crews(self, crews: list[dict[str, Any]]) -> None:
        """Fill the crews table."""
        for crew in crews:
            self.dynamodb.put_item(TableName=os.environ["CREWS_TABLE"], Item=to_item(crew))

    def call(self, function: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Invoke a function as Lambda does; `function` is its folder, e.g. `ooda.detect`."""
        context = SimpleNamespace(
            function_name=function,
            memory_limit_in_mb=1024,
            invoked_function_arn=f"arn:aws:lambda:{REGION}:000000000000:function:{function}",
            aws_request_id="example",
        )
        handler = importlib.import_module(f"{function}.handler").lambda_handler
        with contextlib.redirect_stdout(io.StringIO()):  # metrics, which CloudWatch reads from the log
            answer: dict[str, Any] = handler(json.loads(json.dumps(payload)), context)
        return answer

    def read(self, pointer: dict[str, Any]) -> Any:
        """A JSON document that a handler wrote, or a Parquet table as a data frame."""
        body = self.s3.get_object(Bucket=pointer["bucket"], Key=pointer["key"])["Body"].read()
        return (
            pd.read_parquet(io.BytesIO(body)) if pointer["key"].endswith(".parquet") else json.loads(body)
        )


def _tables() -> list[tuple[str, dict[str, Any]]]:
    """Every DynamoDB table of the templates, by the environment variable that names it: `CrewsTable` is
    CREWS_TABLE."""
    tables = []
    for template in (ROOT / "template.yaml", *sorted((ROOT / "stacks").glob("*.yaml"))):
        for logical, resource in yaml_parse(template.read_text())["Resources"].items():
            if resource["Type"] == "AWS::DynamoDB::Table":
                own = resource["Properties"]
                table = {name: own[name] for name in ("AttributeDefinitions", "KeySchema")}
                table["BillingMode"] = "PAY_PER_REQUEST"  # the template's parameter chooses
                wanted = ("IndexName", "KeySchema", "Projection")
                if indexes := own.get("GlobalSecondaryIndexes"):
                    table["GlobalSecondaryIndexes"] = [
                        {name: of[name] for name in wanted} for of in indexes
                    ]
                tables.append((re.sub(r"(?<!^)(?=[A-Z])", "_", logical).upper(), table))
    return tables
