"""The API on the embedded cloud's function workers: latency, cold start, imports, 1 000 callers at once.

Everything runs on one machine, so a request pays for the emulated gateway too; what a function itself
costs stands in rows of its own. `python -m benchmarks.api`
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from forecasting.layout import SITE
from local import cloud, deploy
from ops import customers, ingest
from ops.demo import newcustomer
from ops.target import CONFIGS, EMBEDDED, TEMPLATE, Target, embedded, use_configs

ROOT = Path(__file__).resolve().parent.parent
WARM_REQUESTS = 300
CALLERS = 1000
BARS = {"warm p95, ms": 300.0, "cold, ms": 1500.0}
COLD = """
import json, os, sys, time
sys.modules["sklearn"] = None  # the layers have none; LightGBM would import it for a second
begin = time.perf_counter()
from forecasting.forecasting_api.handler import lambda_handler
from forecasting.forecasting_api import api
marks = [("imports for a stored forecast", begin, time.perf_counter())]

class Context:
    function_name = "cold"; memory_limit_in_mb = 3008; invoked_function_arn = "arn"; aws_request_id = "1"

event = json.loads(sys.argv[1])
def measure(name, work):
    t = time.perf_counter()
    result = work()
    marks.append((name, t, time.perf_counter()))
    return result

answer = measure("stored forecast", lambda: lambda_handler(event, Context()))
assert answer["statusCode"] == 200, answer
from datetime import datetime, UTC
t = time.perf_counter()
from forecasting.forecasting_api import generate, predict, store
from ona.store import parquet
from ona.sky import weather_frames
from forecasting.model import registry
import fastparquet
marks.append(("imports for a new forecast", t, time.perf_counter()))
from forecasting.layout import SITE
site, _ = store.load_site(os.environ["OUTPUT_BUCKET"], **SITE.parse(sys.argv[2]))
where = os.environ["OUTPUT_BUCKET"], site.customer_id, site.site_id
measure("model load", lambda: registry.in_service(*where).model.model.trees.read())
measure("new forecast, all reads", lambda: generate.make(site, datetime.now(UTC)))
measure("new forecast again, warm", lambda: generate.make(site, datetime.now(UTC)))
print(json.dumps([(name, 1000 * (b - a)) for name, a, b in marks]))
"""


WHOLE = """
import json, sys, time
sys.modules["sklearn"] = None
begin = time.perf_counter()
from forecasting.forecasting_api.handler import lambda_handler

class Context:
    function_name = "cold"; memory_limit_in_mb = 3008; invoked_function_arn = "arn"; aws_request_id = "1"

answer = lambda_handler(json.loads(sys.argv[1]), Context())
assert answer["statusCode"] == 200, answer
print(json.dumps([1000 * (time.perf_counter() - begin), 1000 * time.process_time()]))
"""


@dataclass(frozen=True)
class Ready:
    """A platform with one customer that has a forecast."""

    target: Target
    key: str
    path: str


def prepare(home: Path) -> Ready:
    """Deploy, and let a customer come in."""
    running = cloud.start(home, port=cloud.free_port(0))
    target = embedded(running)
    deploy.deploy(
        running.client,
        TEMPLATE,
        target.stack,
        {**EMBEDDED, "Environment": "dev", "WeatherProvider": "recorded"},
    )
    ingest.put_registry(target, newcustomer.registry())
    newcustomer.walk(target, lambda _: None)
    key = customers.add_key(target, newcustomer.CUSTOMER, "enterprise")
    path = f"/forecast?customer_id={newcustomer.CUSTOMER}&site_id={newcustomer.SITE_ID}&horizon_hours=48"
    return Ready(target, key, path)


def timed(pool: urllib3.PoolManager, ready: Ready, path: str) -> float:
    """Milliseconds of one request that must succeed."""
    started = time.perf_counter()
    answer = pool.request(
        "GET", ready.target.api_url + path, headers={"X-API-Key": ready.key}, retries=False
    )
    taken = 1000 * (time.perf_counter() - started)
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {answer.data[:300]!r}")
    return taken


def quantiles(values: list[float]) -> tuple[float, float, float]:
    """Median, 95th percentile, greatest."""
    ranked = sorted(values)
    return statistics.median(ranked), ranked[int(0.95 * len(ranked))], ranked[-1]


def imports() -> list[tuple[str, float]]:
    """Milliseconds to import each function's handler in a fresh process, the least of three."""
    rows = []
    for handler in sorted((ROOT / "functions").glob("*/*/handler.py")):
        module = f"{handler.parent.parent.name}.{handler.parent.name}.handler"
        code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        times = [float(_python(code, {})) for _ in range(3)]
        rows.append((handler.parent.name, 1000 * min(times)))
    return rows


def _python(code: str, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "functions"),
            "ONA_CONFIG_DIR": str(CONFIGS),
            "POWERTOOLS_TRACE_DISABLED": "1",
            "POWERTOOLS_LOG_LEVEL": "ERROR",
            "POWERTOOLS_METRICS_NAMESPACE": "x",
            "POWERTOOLS_SERVICE_NAME": "x",
            **environment,
        },
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-1500:])
    return done.stdout.strip().splitlines()[-1]


def cold_parts(ready: Ready) -> list[tuple[str, float]]:
    """What a fresh process pays for, part by part, against the running embedded cloud."""
    outputs = ready.target.outputs
    running = ready.target.embedded
    environment = {
        **(running.environment() if running else {}),
        "INPUT_BUCKET": outputs["InputBucketName"],
        "OUTPUT_BUCKET": outputs["OutputBucketName"],
        "LOCATIONS_TABLE": outputs["LocationsTableName"],
        "CUSTOMERS_TABLE": outputs["CustomersTableName"],
        "WEATHER_CACHE_TABLE": outputs["WeatherCacheTableName"],
        "TRACKING_TABLE": outputs["TrackingTableName"],
        "ONA_ENVIRONMENT": "dev",
        "API_ID": "Api",  # as in the sample event
        "IAM_API_ID": "IamApi",
        "OMP_NUM_THREADS": "1",
    }
    event = json.loads((ROOT / "events" / "forecasting" / "forecasting_api.json").read_text())
    query = {"customer_id": newcustomer.CUSTOMER, "site_id": newcustomer.SITE_ID, "horizon_hours": "48"}
    event["queryStringParameters"] = query
    event["multiValueQueryStringParameters"] = {name: [value] for name, value in query.items()}
    event["requestContext"]["authorizer"]["customer_id"] = newcustomer.CUSTOMER
    site = SITE.build(customer_id=newcustomer.CUSTOMER, site_id=newcustomer.SITE_ID)
    rows: list[tuple[str, float]] = json.loads(_python(COLD, environment, json.dumps(event), site))
    query |= {"horizon_hours": "168", "interval_minutes": "15"}
    event["multiValueQueryStringParameters"] = {name: [value] for name, value in query.items()}
    taken, cpu = json.loads(_python(WHOLE, environment, json.dumps(event)))
    return [*rows, ("a new forecast in a new process, in all", taken), ("  of that this process' CPU", cpu)]


async def crowd(ready: Ready, keys: dict[str, str]) -> tuple[Counter[str], float]:
    """1 000 callers of two customers at the same moment: what each got, and how long it took altogether."""
    running = ready.target.embedded
    port = running.port if running else 80
    base = ready.target.api_url.split(str(port), 1)[1]
    started = time.perf_counter()

    async def one(number: int) -> str:
        customer = list(keys)[number % len(keys)]
        path = f"{base}/forecast?customer_id={customer}&site_id={newcustomer.SITE_ID}&horizon_hours=48"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-API-Key: {keys[customer]}\r\n"
                "Connection: close\r\n\r\n".encode()
            )
            await writer.drain()
            raw = await asyncio.wait_for(reader.read(), 300)
            writer.close()
        except (OSError, TimeoutError) as error:
            return f"no answer ({type(error).__name__})"
        head, _, rest = raw.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        try:
            body = json.loads(rest[rest.index(b"{") : rest.rindex(b"}") + 1])
        except ValueError:
            return f"{status} without an envelope"
        return verdict(status, body, customer)

    results = await asyncio.gather(*(one(number) for number in range(CALLERS)))
    return Counter(results), time.perf_counter() - started


def verdict(status: int, body: dict[str, Any], customer: str) -> str:
    """One answer in a word: right, refused with a code, or wrong."""
    if status == 200:
        data = body["data"]
        points = data["forecasts"]
        whole = len(points) == 48 and all(
            p["confidence_interval"]["lower_95"]
            <= p["predicted_power_kw"]
            <= p["confidence_interval"]["upper_95"]
            for p in points
        )
        return "right" if data["customer_id"] == customer and whole else "WRONG"
    codes = [error.get("code") for error in body.get("errors", [])]
    return f"{status} {codes[0]}" if codes else f"{status} without an envelope"


def main() -> int:
    use_configs()
    home = Path(tempfile.mkdtemp(prefix="ona-bench-"))
    try:
        ready = prepare(home)
        pool = urllib3.PoolManager()
        print(f"{'GET /forecast, warm, ms':<44}{'p50':>8}{'p95':>8}{'max':>8}")
        for name, path, number in (
            ("stored forecast, 48 h", ready.path, WARM_REQUESTS),
            ("new forecast, 15 minutes, 168 h", f"{ready.path[:-2]}168&interval_minutes=15", 60),
            ("GET /health (the gateway and an empty call)", "/health", WARM_REQUESTS),
        ):
            for _ in range(3):
                timed(pool, ready, path)
            p50, p95, worst = quantiles([timed(pool, ready, path) for _ in range(number)])
            print(f"{name:<44}{p50:>8.1f}{p95:>8.1f}{worst:>8.1f}")
        print("\na fresh process, part by part, ms")
        for name, taken in cold_parts(ready):
            print(f"  {name:<40}{taken:>8.0f}")
        cloud.stop(home)
        running = cloud.start(home, port=cloud.free_port(0))
        again = Ready(embedded(running), ready.key, ready.path)
        first = timed(pool, again, ready.path)
        print(f"first request after a restart of everything (two cold functions): {first:.0f} ms")
        print("\nimport of each handler, ms (least of three)")
        for name, taken in imports():
            print(f"  {name:<40}{taken:>8.0f}")
        keys = {newcustomer.CUSTOMER: ready.key}
        counts, seconds = asyncio.run(crowd(again, keys))
        print(f"\n{CALLERS} callers at once, {seconds:.1f} s")
        for name, number in counts.most_common():
            print(f"  {name:<40}{number:>8}")
        print("a wrong answer: " + ("NONE" if not counts["WRONG"] else str(counts["WRONG"])))
    finally:
        cloud.stop(home)
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
