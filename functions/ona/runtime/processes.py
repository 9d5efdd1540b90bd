"""Work on several CPUs at once, with nothing that a Lambda function lacks: it has no /dev/shm.

>>> spread(lambda n: n * n, [1, 2, 3], beside=True)
[1, 4, 9]
"""

from __future__ import annotations

import copy
import ctypes
import gc
import multiprocessing
import os
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import TypeVar

CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
"""How many CPUs this process may use; 1 on macOS, which does not say, and where forks are not safe."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""glibc's numbers of the two options (malloc.h)."""
_KEPT_BYTES = 1 << 30
"""Bytes of freed memory that a worker keeps for its next item (ours)."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(work: Callable[[Item], Result], items: list[Item], beside: bool) -> list[Result]:
    """The result of the work on each item, in order; with `beside` by as many processes as there are CPUs.

    A process is a fork: it reads all that is in memory here, and gives back only its results. Raises what
    the work raises, and ChildProcessError when a process dies (out of memory).
    """
    if not beside or CPUS < 2 or len(items) < 2:
        return [_uncollected(work, item) for item in items]
    fork = multiprocessing.get_context("fork")
    results: dict[int, Result] = {}
    waiting = list(range(len(items)))[::-1]
    workers = {}
    for _ in range(min(CPUS, len(items))):
        here, there = fork.Pipe()
        process = fork.Process(target=_worker, args=(work, items, there), daemon=True)
        process.start()
        there.close()
        here.send(waiting.pop())
        workers[here] = process
    try:
        while len(results) < len(items):
            ready = wait(list(workers))
            for here in [end for end in workers if end in ready]:
                try:
                    number, done, answer = here.recv()
                except EOFError:
                    workers[here].join()
                    code = workers[here].exitcode
                    raise ChildProcessError(f"a worker ended with code {code}") from None
                if not done:
                    raise answer
                results[number] = answer
                if waiting:
                    here.send(waiting.pop())
    finally:
        for process in workers.values():
            process.kill()
            process.join()
    return [results[number] for number in range(len(items))]


def _uncollected(work: Callable[[Item], Result], item: Item) -> Result:
    """The result without looking for circles meanwhile: work makes many objects and few of these, and
    looking took a fifth of its time (measured on Detect)."""
    looked = gc.isenabled()
    gc.disable()
    try:
        return work(item)
    finally:
        if looked:
            gc.enable()


def _worker(work: Callable[[Item], Result], items: list[Item], there: Connection) -> None:
    _keep_memory()
    gc.freeze()  # collecting what the fork inherited would copy it
    gc.disable()
    while True:  # until the parent kills it
        number = there.recv()
        gc.collect()
        try:
            there.send((number, True, work(items[number])))
        except Exception as error:  # the parent raises it
            try:
                there.send((number, False, copy.copy(error)))  # a copy fails here if it would fail there
            except Exception:
                there.send((number, False, RuntimeError(repr(error))))


def _keep_memory() -> None:
    """Let glibc keep freed memory: the next item needs as much. Without glibc nothing happens."""
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
            mallopt(option, _KEPT_BYTES)
