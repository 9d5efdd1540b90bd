"""Several processes give what one gives, in order, and nothing fails in silence."""

from __future__ import annotations

import gc
import os
import signal

import pytest

from ona.runtime import processes
from ona.runtime.errors import InvalidTelemetry
from ona.runtime.processes import spread

pytestmark = pytest.mark.skipif(processes.CPUS < 2, reason="one CPU: nothing runs side by side")


def test_results_come_in_order_from_other_processes() -> None:
    done = spread(lambda n: (n * n, os.getpid()), list(range(9)), True)
    assert [value for value, _ in done] == [n * n for n in range(9)]
    assert os.getpid() not in {pid for _, pid in done}
    assert len({pid for _, pid in done}) == processes.CPUS


def test_an_error_of_a_worker_is_raised_unchanged() -> None:
    def work(n: int) -> int:
        if n == 3:
            raise InvalidTelemetry("no_rows", "nothing", where="x.csv", remedy="look")
        return n

    with pytest.raises(InvalidTelemetry) as caught:
        spread(work, list(range(5)), True)
    assert caught.value.as_dict() == {
        "reason": "no_rows",
        "message": "nothing",
        "where": "x.csv",
        "remedy": "look",
    }


def test_an_error_that_cannot_be_pickled_is_raised_with_its_text() -> None:
    class Odd(Exception):
        pass

    def work(_: int) -> int:
        raise Odd("here")

    with pytest.raises(RuntimeError, match="Odd\\('here'\\)"):
        spread(work, [1, 2], True)


def test_a_killed_process_raises_an_error() -> None:
    def work(n: int) -> int:
        if n == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    with pytest.raises(ChildProcessError, match="-9"):
        spread(work, list(range(4)), True)


def test_one_process_does_not_look_for_circles_meanwhile_and_does_again_after() -> None:
    assert spread(lambda _: gc.isenabled(), [1, 2], False) == [False, False]
    assert gc.isenabled()
