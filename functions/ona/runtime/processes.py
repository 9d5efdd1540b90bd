"""Work on several CPUs at once, with nothing that a Lambda function lacks (it has no /dev/shm)."""

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
"""Those that this process may use; one where that is not known, and forks are not safe (macOS)."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(work: Callable[[Item], Result], items: list[Item], beside: bool) -> list[Result]:
    """What the work makes of each item, in order; if `beside`, in as many processes as there are CPUs.

    A process is a fork: it has all that is in memory here, and gives back its results only. Raises what the
    work raises; ChildProcessError when a process dies without a word (out of memory).
    """
    if not beside or CPUS < 2 or len(items) < 2:
        return [work(item) for item in items]
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


def _worker(work: Callable[[Item], Result], items: list[Item], there: Connection) -> None:
    _keep_memory()
    gc.freeze()  # looking through what it was born with would copy that
    gc.disable()
    while True:  # until it is ended
        number = there.recv()
        gc.collect()
        try:
            there.send((number, True, work(items[number])))
        except Exception as error:  # travels to the caller, who raises it
            try:
                there.send((number, False, copy.copy(error)))  # made again here as it will be there
            except Exception:
                there.send((number, False, RuntimeError(repr(error))))


def _keep_memory() -> None:
    """Freed memory is not given back: the next block, or site, needs as much (glibc; elsewhere nothing)."""
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        for option in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            mallopt(option, 1 << 30)
