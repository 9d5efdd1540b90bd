"""Killed at random moments: what was acknowledged is there, what was open is there whole or not at all.

`make soak` kills 200 times; a few are in the normal run. The workload and the disk know nothing of how
the embedded cloud keeps its state (`tests/fakes/crash.py`, `tests/fakes/disk.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from local import cloud
from tests.fakes import crash
from tests.fakes.disk import Disk

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("crash")]
WORKERS = 3
SEED = 1717
PHASES = ("writes", "power", "snapshot", "rotation", "replay", "shutdown", "writes", "power")
"""In turn. `power`: what was not synchronised is lost, too."""
DEATHS = {
    # the number of the call is chosen in this range; the first ones come while it starts
    "snapshot": ("fsync@/generations/", (14, 60)),
    "rotation": ("posix_fallocate@/journal/", (3, 6)),
}


class Rounds:
    """Kills, restarts and comparisons, on one home."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.disk = Disk(folder)
        self.workers = [crash.Worker(f"w{n}", seed + n) for n in range(WORKERS)]
        self.killed: Counter[str] = Counter()
        self.open: Counter[str] = Counter()
        self.in_flight = 0
        self.prepared = False
        self.running: cloud.Cloud | None = None
        """Of the last comparison; the next life goes on with it when it can."""
        self.keys: dict[str, str] = {}
        """The object whose event started an execution, by its ARN."""

    def round(self, phase: str) -> list[str]:
        """One life of the embedded cloud, its death, and what is wrong afterwards."""
        mirror = phase == "power"
        kill = ""
        if death := DEATHS.get(phase):
            kill = f"{death[0]}:{self.random.randint(*death[1])}"
        if self.running is None or mirror or kill:
            cloud.stop(self.disk.home, kill=True)
            try:
                self.running = self.disk.start(mirror=mirror, kill=kill, seconds="0.3")
            except cloud.CloudError:
                if not kill:
                    raise
                self.killed[phase] += 1  # the call came while it started
                return self.compare()
        running, self.running = self.running, None
        made = crash.clients(running)
        if not self.prepared:
            crash.prepare(made)
            self.prepared = True
        self.work_until_death(running, made, phase, wait=20 if kill else 0)
        cloud.stop(self.disk.home, kill=True)
        if mirror:
            self.disk.lose_what_was_not_synchronised()
        if phase == "replay":
            self.kill_while_it_starts()
        self.killed[phase] += 1
        return self.compare()

    def work_until_death(self, running: cloud.Cloud, made: Any, phase: str, *, wait: float) -> None:
        until = threading.Event()
        threads = [threading.Thread(target=w.run, args=(made, until)) for w in self.workers]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + wait
        time.sleep(self.random.uniform(0.2, 1.2))
        if wait:
            while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
                time.sleep(0.01)
        if phase == "shutdown":
            os.kill(running.pid, signal.SIGTERM)
            time.sleep(self.random.uniform(0, 0.4))
        busy = [worker.busy for worker in self.workers if worker.busy]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        until.set()
        for thread in threads:
            thread.join(60)
        busy = [worker.busy for worker in self.workers if worker.busy] or busy
        self.in_flight += bool(busy)
        self.open.update(busy)
        for worker in self.workers:
            worker.busy = ""

    def kill_while_it_starts(self) -> None:
        """A start that is killed before it answers, after a random time."""

        def start() -> None:
            with pytest.raises(cloud.CloudError):
                self.disk.start()

        thread = threading.Thread(target=start)
        thread.start()
        time.sleep(self.random.uniform(0.3, 1.0))
        deadline = time.monotonic() + 10
        while (running := cloud.running(self.disk.home)) is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if running is not None:
            os.killpg(running.pid, signal.SIGKILL)
        thread.join(60)
        cloud.stop(self.disk.home, kill=True)

    def compare(self) -> list[str]:
        self.running = self.disk.start(seconds="0.3")
        made = crash.clients(self.running)
        found = crash.Found(made)
        wrong = [text for worker in self.workers for text in crash.compare(worker, found)]
        return wrong + self.compare_events(made)

    def compare_events(self, made: Any) -> list[str]:
        """Each acknowledged object started one execution, also when the kill came before its delivery."""
        expected = {
            key for w in self.workers for key, place in w.watched.items() if place.acknowledged == 1
        }
        deadline = time.monotonic() + 20
        while True:
            found = crash.Found(made)
            ours = {name for w in self.workers for name in w.executions}
            arns = [arn for name, arn in found.arns.items() if name not in ours]
            for arn in set(arns) - self.keys.keys():
                given = made["stepfunctions"].describe_execution(executionArn=arn)["input"]
                self.keys[arn] = str(json.loads(given)["detail"]["object"]["key"])
            started = Counter(self.keys[arn] for arn in arns)
            if expected <= started.keys() or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        wrong = [f"event of {key}: no execution" for key in sorted(expected - started.keys())]
        wrong += [f"event of {key}: {n} executions" for key, n in started.items() if n > 1]
        lasting = {"SUCCEEDED", "FAILED", "RUNNING"}
        wrong += [f"{n}: {status}" for n, status in found.statuses.items() if status not in lasting]
        return wrong


def run(folder: Path, rounds: int, seed: int) -> Rounds:
    kept = Rounds(folder, seed)
    try:
        for number in range(rounds):
            phase = PHASES[number % len(PHASES)]
            wrong = kept.round(phase)
            assert wrong == [], f"round {number} ({phase}): {wrong[:20]}"
    finally:
        cloud.stop(kept.disk.home, kill=True)
    return kept


def test_killed_at_random_moments_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    kept = run(tmp_path, 6, SEED)
    assert set(kept.killed) == set(PHASES)
    assert kept.in_flight >= 4, "most kills came while a write was open"


@pytest.mark.soak
def test_two_hundred_kills(tmp_path: Path) -> None:
    kept = run(tmp_path, 200, SEED + 1)
    print(dict(kept.killed), "open when killed:", dict(kept.open), "in flight:", kept.in_flight)
    assert kept.in_flight >= 150
    assert all(number >= 20 for number in kept.killed.values()), kept.killed
