"""From a file's put to its work order: p50 and p95 by state, cold and warm, then a burst.

    python -m benchmarks.operations.order_latency [files a second] [seconds] [files of the burst]

A fresh embedded cloud gets one file (cold), then 2 files a second for 60 s (warm), then 100 files at once.
Every fourth file is of an inverter that stops in the morning; the others are sound. Ten inverters are a
site. The bar is p95 ≤ 5 s at 2 files a second. CPU seconds are those of the embedded cloud's processes:
they tell more than wall times where others work on the machine too.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from local import cloud, deploy, processes
from ona.documents.assets import AssetRegistry
from ops import accounting, explain, ingest, seed
from ops.demo import simulate
from ops.demo.follow import Follower
from ops.means import latency
from ops.target import EMBEDDED, TEMPLATE, Target, embedded

BAR_S = 5.0
FAULTY_EVERY = 4
A_SITE = 10
"""Assets of one site: as many as the simulated fleet has."""
PATIENCE_S = 600.0
TARIFF = 0.60
"""USD a kWh: a stopped inverter of 100 kW is dear enough to be ordered, not deferred (50 USD a day)."""
CREWS = 12
"""Sets of example crews: enough that no order waits for a crew."""


def registry(count: int) -> AssetRegistry:
    """So many assets like those of the simulated fleet, ten a site."""
    models = simulate.registry().assets
    return AssetRegistry(
        assets=[
            models[number % A_SITE].model_copy(
                update={
                    "id": f"BEN-{number:04d}",
                    "site_id": f"bench-{number // A_SITE:03d}",
                    "tariff_usd_per_kwh": TARIFF,
                }
            )
            for number in range(count)
        ]
    )


def files(count: int) -> list[ingest.Upload]:
    """A day's file of each asset; every fourth inverter stops in the morning."""
    day = simulate.FIRST_DAY
    bodies = list(simulate.fleet().files[day].items())
    uploads = []
    for number in range(count):
        key, body = bodies[number % len(bodies)]
        old = key.rsplit("/", 1)[-1].rsplit("_", 1)[0]
        new = f"BEN-{number:04d}"
        text = body.decode().replace(old, new)
        if number % FAULTY_EVERY == 0:
            text = _stopped(text, f"{day}T14:00")
        uploads.append(ingest.Upload(key.replace(old, new), text.encode()))
    return uploads


def _stopped(text: str, since: str) -> str:
    """The same day with no power from a time (UTC) on."""
    head, *lines = text.splitlines()
    place = head.split(",").index("power_kw")
    told = [head]
    for line in lines:
        cells = line.split(",")
        if cells[0].replace(" ", "T") >= since:
            cells[place] = "0.0"
        told.append(",".join(cells))
    return "\n".join(told) + "\n"


class Bench:
    """A deployed embedded cloud, and when each file was put."""

    def __init__(self, target: Target) -> None:
        self.target, self.follower = target, Follower(target)
        self.put_at: dict[str, datetime] = {}

    def put(self, upload: ingest.Upload) -> None:
        """Put one file and note when its put began."""
        self.put_at[upload.key] = datetime.now(UTC)
        ingest.put(self.target, upload)

    def wait(self) -> None:
        """Wait until all files that were put have ended."""
        self.follower.wait(len(self.put_at), "bench", PATIENCE_S)

    def walks(self, keys: set[str]) -> list[latency.Walk]:
        """The ways of these files."""
        states = self.target.client("stepfunctions")
        found = []
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=self.target.machine)
        for item in (item for page in pages for item in page["executions"]):
            described = states.describe_execution(executionArn=item["executionArn"])
            key, _ = accounting.source_of(json.loads(described["input"]))
            if key in keys:
                steps = explain.steps(explain.history(self.target, item["executionArn"]))
                found.append(latency.Walk(self.put_at[key], item["startDate"], steps))
        return found


def cpu_seconds(home: Path) -> float:
    """The CPU time of the embedded cloud's living processes so far, s; 0 where there is no /proc."""
    ticks = 0
    for process, _ in processes.of_home(home):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[-1].split()
            ticks += int(fields[11]) + int(fields[12])  # utime and stime of proc(5), counted after the name
    return ticks / os.sysconf("SC_CLK_TCK")


def show(title: str, walks: list[latency.Walk]) -> float:
    """Print where the time goes; answers the p95 of the whole in seconds."""
    table = latency.rows(walks)
    print(f"\n{title}: {len(walks)} files, {table[-1].visits} with an order")
    print(f"{'state':<18}{'files':>7}{'p50 s':>9}{'p95 s':>9}{'sum s':>9}")
    for row in table:
        print(f"{row.name:<18}{row.visits:>7}{row.p50:>9.2f}{row.p95:>9.2f}{row.total:>9.1f}")
    return table[-1].p95


def main(given: list[str] | None = None) -> None:
    """Run the bench. `given`: files a second, seconds, files of the burst."""
    numbers = [float(text) for text in given or []]
    rate, seconds, burst = [*numbers, *(2.0, 60.0, 100.0)[len(numbers) :]]
    steady = int(rate * seconds)
    uploads = files(1 + steady + int(burst) + FAULTY_EVERY)
    home = Path(tempfile.mkdtemp(prefix="ona-bench-"))
    try:
        running = cloud.start(home, port=cloud.free_port(0))
        target = embedded(running)
        parameters = {"Environment": "dev", **EMBEDDED}
        deploy.deploy(running.client, TEMPLATE, target.stack, parameters)
        ingest.put_registry(target, registry(len(uploads)))
        for number in range(CREWS):
            seed.put_crews(target, seed.example_crews(simulate.SITE, f"crew-{number:02d}"))
        bench = Bench(target)
        print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        used = cpu_seconds(home)
        print(f"CPU time of the server's start and the deployment: {used:.1f} s")
        bench.put(uploads[0])
        bench.wait()
        print(f"CPU time of the first file: {cpu_seconds(home) - used:.1f} s")
        show("cold: the first file", bench.walks({uploads[0].key}))

        warm = uploads[FAULTY_EVERY : FAULTY_EVERY + steady]
        began, used = time.monotonic(), cpu_seconds(home)
        for number, upload in enumerate(warm):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            bench.put(upload)
        bench.wait()
        each = (cpu_seconds(home) - used) / max(1, steady)
        print(f"\nCPU time: {each:.2f} s a file, with what waiting asks")
        p95 = show(f"warm: {rate:g} files a second", bench.walks({item.key for item in warm}))
        print(f"p95 {p95:.2f} s, the bar is {BAR_S:g} s: {'met' if p95 <= BAR_S else 'MISSED'}")

        at_once = uploads[FAULTY_EVERY + steady : FAULTY_EVERY + steady + int(burst)]
        began = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(bench.put, at_once))
        bench.wait()
        took = time.monotonic() - began
        walks = bench.walks({item.key for item in at_once})
        show(f"burst: {len(at_once)} files at once", walks)
        last = max(
            ((walk.ordered - walk.put).total_seconds() for walk in walks if walk.ordered),
            default=float("nan"),
        )
        speed = len(at_once) / took
        print(f"last order after {last:.1f} s, all ended after {took:.1f} s: {speed:.1f} files a second")
        print(f"load of the machine after: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    finally:
        cloud.stop(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
