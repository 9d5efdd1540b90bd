"""The embedded cloud beside ministack as it comes: start, memory, deployment, one file through the loop.

ministack alone cannot run the loop: every handler's error is `Runtime.HandlerError` to it, so no retry
or catch by name matches, and a rule's events carry no version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from local import cloud, deploy, ports
from ops import ingest, seed
from ops.demo import run as demo
from ops.demo import simulate
from ops.target import TEMPLATE, embedded


def _memory_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return float("nan")
    line = next(item for item in status.read_text().splitlines() if item.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _plain_ministack() -> tuple[float, float]:
    """ministack as it comes: start in seconds, memory idle in MiB."""
    port = cloud.free_port(0)
    scratch = tempfile.mkdtemp(prefix="ona-bench-")
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "TMPDIR": scratch,
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    started = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-c", "from ministack.app import main; main()"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while ports.health(port) is None and server.poll() is None:
            time.sleep(0.02)
        return time.perf_counter() - started, _memory_mib(server.pid)
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(scratch, ignore_errors=True)


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="ona-bench-"))
    try:
        started = time.perf_counter()
        running = cloud.start(home, port=cloud.free_port(0))
        start = time.perf_counter() - started
        idle = _memory_mib(running.pid)
        target = embedded(running)
        started = time.perf_counter()
        deploy.deploy(running.client, TEMPLATE, target.stack, {"Environment": "dev"})
        deployed = time.perf_counter() - started
        ingest.put_registry(target, simulate.registry())
        seed.put_crews(target, seed.example_crews(simulate.SITE))
        fleet = simulate.fleet()
        times = []
        follower = demo.Follower(target)
        for count, (key, body) in enumerate(list(fleet.files[simulate.FIRST_DAY].items())[:6], 1):
            started = time.perf_counter()
            ingest.put(target, ingest.Upload(key, body))
            while follower.counts() != (count, 0):
                time.sleep(0.01)
            times.append(time.perf_counter() - started)
        peer_start, peer_idle = _plain_ministack()
    finally:
        cloud.stop(home)
        shutil.rmtree(home, ignore_errors=True)
    warm = sorted(times[1:])[len(times[1:]) // 2]
    print(f"{'':<34}{'embedded':>10}{'ministack':>11}{'ratio':>8}")
    print(f"{'start, s':<34}{start:>10.2f}{peer_start:>11.2f}{start / peer_start:>8.2f}")
    print(f"{'memory idle, MiB':<34}{idle:>10.0f}{peer_idle:>11.0f}{idle / peer_idle:>8.2f}")
    print(f"{'deploy template.yaml, s':<34}{deployed:>10.2f}{'cannot':>11}")
    print(f"{'one sound file, first (cold), s':<34}{times[0]:>10.2f}{'cannot':>11}")
    print(f"{'one sound file, warm median, s':<34}{warm:>10.2f}{'cannot':>11}")


if __name__ == "__main__":
    main()
