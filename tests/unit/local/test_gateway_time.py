"""API Gateway's 29 seconds: they run while a function runs, not while it waits for this machine."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from local.hooks.lambda_worker import Queued
from local.limits.gateway import within


async def answered(waits_s: float, runs_s: float, limit_s: float) -> str:
    """What a caller gets of an invocation that waits for a sandbox on its own thread, then runs."""
    waits = Queued()

    def invocation() -> str:
        with waits.waits():
            time.sleep(waits_s)
        time.sleep(runs_s)
        return "done"

    call = asyncio.ensure_future(asyncio.to_thread(invocation))
    await asyncio.sleep(0)
    return str(await within(call, limit_s, waits))


def test_waiting_for_a_sandbox_is_no_time_of_the_function() -> None:
    assert asyncio.run(answered(waits_s=0.6, runs_s=0.01, limit_s=0.3)) == "done"


def test_a_function_that_runs_too_long_is_given_up_however_short_it_waited() -> None:
    for waits_s in (0.0, 0.3):
        with pytest.raises(TimeoutError):
            asyncio.run(answered(waits_s, runs_s=0.6, limit_s=0.2))


def test_an_error_of_the_invocation_is_the_callers() -> None:
    async def failing() -> None:
        async def call() -> None:
            raise TimeoutError("the function's own")

        await within(asyncio.ensure_future(call()), 5.0, Queued())

    with pytest.raises(TimeoutError, match="the function's own"):
        asyncio.run(failing())


def test_several_waits_add_up_and_none_counts_twice() -> None:
    waits, gone_on = Queued(), threading.Event()
    assert waits.seconds() == 0.0
    with waits.waits():
        gone_on.wait(0.05)
        assert waits.seconds() >= 0.05
    after = waits.seconds()
    gone_on.wait(0.05)
    assert waits.seconds() == after
    with waits.waits():
        gone_on.wait(0.05)
    assert 0.1 <= waits.seconds() < after + 1.0
