"""How fast telemetry goes through read → quality → detect, against the read alone and against plain pandas.

    python -m benchmarks.detection.speed [0.1 1 3]

A file of so many GB: 141 assets in twelve sites, 5 minutes, irradiance measured. It is written once to the
temporary folder, from one real-looking week repeated with noise. Each way runs in a process of its own, so
that its peak memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ooda.documents.detections import AssetDetection

ASSETS, SITES = 141, 12
BYTES_A_ROW = 48.9
"""Of the file that `write` makes."""
HEADER = "timestamp,asset_id,temperature_c,voltage_v,power_kw,irradiance_w_m2\n"
WAYS = ("pandas, dates parsed", "pyarrow.csv, types declared", "our read", "read, quality, detect")


def registry():
    from ona.documents.assets import Asset, AssetRegistry, Location

    return AssetRegistry(
        assets=[
            Asset(
                id=f"INV-{n:03d}",
                capacity_kw=100.0,
                site_id=f"site-{n % SITES}",
                location=Location(latitude=36.0, longitude=-80.0),
            )
            for n in range(ASSETS)
        ]
    )


def write(path: Path, gigabytes: float) -> int:
    """The file; returns its rows."""
    rows = int(gigabytes * 1e9 / BYTES_A_ROW)
    steps = rows // ASSETS
    times = pd.date_range("2024-01-01", periods=steps, freq="5min", tz="UTC")
    hour = (times.hour + times.minute / 60 - 5.33).to_numpy() % 24
    season = 0.75 + 0.25 * np.sin((times.day_of_year.to_numpy() - 80) / 365 * 2 * np.pi)
    clear = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * season
    rng = np.random.default_rng(1)
    cloud = np.repeat(rng.uniform(0.4, 1.0, steps // 288 + 1), 288)[:steps]
    stamps = times.strftime("%Y-%m-%dT%H:%M:%SZ").to_numpy()
    with path.open("w") as out:
        out.write(HEADER)
        for n in range(ASSETS):
            sun = np.maximum(clear * cloud * (1 + rng.normal(0, 0.02, steps)), 0)
            power = 90 * sun * (1 + rng.normal(0, 0.01, steps))
            if n % 20 == 7:  # a fault here and there
                power[steps // 2 : steps // 2 + 288 * 3] *= 0.6
            table = pd.DataFrame(
                {
                    "t": stamps,
                    "a": f"INV-{n:03d}",
                    "c": (15 + 20 * sun).round(1),
                    "v": (640 + 60 * sun + rng.normal(0, 2, steps)).round(1) * (sun > 0),
                    "p": power.round(3),
                    "g": (1000 * sun).round(1),
                }
            )
            out.write(table.to_csv(index=False, header=False))
    return steps * ASSETS


def pieces(path: Path, start: int) -> Iterator[bytes]:
    """A file from an offset on."""
    with path.open("rb") as file:
        file.seek(start)
        while piece := file.read(1 << 20):
            yield piece


def way(name: str, path: Path) -> dict[str, float]:
    """One way, in this process: seconds, peak memory in MB, rows."""
    extra: dict[str, float] = {}
    if name == WAYS[0]:
        started = time.perf_counter()
        frame = pd.read_csv(path, parse_dates=["timestamp"])
        rows = len(frame)
    elif name == WAYS[1]:
        from pyarrow import csv, float64, string, timestamp

        started = time.perf_counter()
        types = {"timestamp": timestamp("s", "UTC"), "asset_id": string()}
        types |= dict.fromkeys(("temperature_c", "voltage_v", "power_kw", "irradiance_w_m2"), float64())
        rows = len(csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types)))
    else:
        from ona.runtime import processes
        from ona.telemetry.blocks import Source
        from ona.telemetry.canonical import read_canonical
        from ooda.config import detection
        from ooda.detect.batches import Batch, batches, is_large
        from ooda.detect.context import Context, TelemetryFile
        from ooda.detect.judge import judge_assets
        from ops.target import use_configs

        use_configs()
        fleet, rules = registry(), detection.detection_config()
        started = time.perf_counter()
        read = read_canonical(
            Source(path.stat().st_size, partial(pieces, path)),
            now=datetime.now(UTC),
            capacity_kw=fleet.capacity_kw,
            where=path.name,
        )
        extra["read_s"] = time.perf_counter() - started
        rows = len(read)
        file = TelemetryFile(
            read.by_asset, read.quality, fleet, rules, 0.7, span=read.by_asset.span, rows=rows
        )

        def judge(batch: Batch) -> list[AssetDetection]:
            return [verdict.detection for verdict in judge_assets(file, Context(), batch.names)]

        if name == WAYS[3]:
            parts = processes.spread(judge, batches(file), is_large(file))
            extra["incidents"] = sum(len(item.incidents) for part in parts for item in part)
    return {"seconds": time.perf_counter() - started, "rows": rows, **extra}


def shared_mb() -> float:
    """Memory of this machine that processes share, of which a process' own account tells only what it has
    looked at."""
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if "Shmem:" in line)
    return float(line.split()[1]) / 1024


def memory_mb(pid: int) -> float:
    """Memory of a process and its children but for `shared_mb`; the program's own pages counted once."""
    total = 0.0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Pss_Anon:", "Pss_File:")):
            total += float(line.split()[1]) / 1024
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            with suppress(OSError):
                total += memory_mb(int(child))
    return total


def measured(command: list[str]) -> tuple[str, float]:
    """What a command prints, and the most memory it and its children had, looked at four times a second."""
    peak, before = 0.0, shared_mb()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            with suppress(OSError):
                peak = max(peak, memory_mb(process.pid) + shared_mb() - before)
            time.sleep(0.25)
        return process.stdout.read() if process.stdout else "", peak


def main() -> None:
    if len(sys.argv) == 4 and sys.argv[1] == "--way":
        print(json.dumps(way(sys.argv[2], Path(sys.argv[3]))))
        return
    sizes = [float(a) for a in sys.argv[1:]] or [0.1, 1.0, 3.0]
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "telemetry.csv"
            write(path, size)
            real = path.stat().st_size / 1e9
            print(f"\n{real:.2f} GB")
            print(f"{'':<30}{'seconds':>9}{'rows/s':>12}{'peak MB':>9}{'ratio':>7}")
            base = None
            for name in WAYS:
                text, peak = measured(
                    [sys.executable, "-m", "benchmarks.detection.speed", "--way", name, str(path)]
                )
                if not text.strip():
                    print(f"{name:<30}  failed")
                    continue
                got = json.loads(text.splitlines()[-1]) | {"peak_mb": peak}
                base = base or got["seconds"]
                more = (
                    f"  read {got['read_s']:.1f} s, {got['incidents']:.0f} incidents"
                    if "incidents" in got
                    else ""
                )
                print(
                    f"{name:<30}{got['seconds']:>9.1f}{got['rows'] / got['seconds']:>12,.0f}"
                    f"{got['peak_mb']:>9,.0f}{got['seconds'] / base:>7.2f}{more}"
                )


if __name__ == "__main__":
    main()
