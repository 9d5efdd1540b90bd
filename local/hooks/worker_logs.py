"""Lambda: an invocation's log ends where its worker says so.

A worker's answer and its log come through two pipes. ministack waits after each answer: 50 ms where the
handler said nothing, 5 ms after the last line else. A slow line is in the next invocation's log then. Here
the worker ends its log with a line of its own, which names the request, and nobody waits for more.
"""

from __future__ import annotations

import queue
import time
from typing import Any

from local.hooks.base import HookBroken, private, replace

MOST_SECONDS = 1.0
"""So long the end of a log is waited for (ours): a handler may close its error stream."""
_MARK = "$end of "
_LOOP_END = "        _real_stdout.flush()\n\nrun()"
_LOOP_END_MARKED = (
    "        try:\n"
    "            sys.stderr.flush()\n"
    f"            os.write(2, ({_MARK!r} + str(_ms_ctx.get('request_id', '')) + '\\n').encode())\n"
    "        except (OSError, ValueError):\n"
    "            pass\n" + _LOOP_END
)


def until_marked(lines: queue.Queue[str], mark: str, most_seconds: float) -> str:
    """The lines of a log up to its mark, or those that came within `most_seconds`.

    >>> lines: queue.Queue[str] = queue.Queue()
    >>> for line in ("one", "", "half a line$end of 7", "of the next one"):
    ...     lines.put(line)
    >>> until_marked(lines, "$end of 7", 0.0)
    'one\\n\\nhalf a line'
    """
    found: list[str] = []
    until = time.monotonic() + most_seconds
    while True:
        try:
            line = lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return "\n".join(found)
        if line.endswith(mark):
            begun = line.removesuffix(mark)
            return "\n".join([*found, begun] if begun else found)
        found.append(line)


def install() -> None:
    """Apply the hooks. Raises HookBroken when a private name has moved."""
    from ministack.core import lambda_runtime

    script: str = private(lambda_runtime, "_PYTHON_WORKER_SCRIPT")
    if script.count(_LOOP_END) != 1:
        raise HookBroken("ministack.core.lambda_runtime._PYTHON_WORKER_SCRIPT changed")
    replace(lambda_runtime, "_PYTHON_WORKER_SCRIPT", script.replace(_LOOP_END, _LOOP_END_MARKED))

    worker = lambda_runtime.Worker
    invoke, drain = private(worker, "invoke"), private(worker, "_drain_stderr_bounded")

    def invoked(self: Any, event: Any, request_id: str, **named: Any) -> Any:
        self.log_mark = _MARK + request_id  # a worker has one invocation at a time
        return invoke(self, event, request_id, **named)

    def drained(self: Any, *given: Any) -> Any:
        ended = self._proc is None or self._proc.poll() is not None
        if ended or not str(self.config.get("Runtime", "")).startswith("python"):  # no mark will come
            return drain(self, *given)
        return until_marked(self._stderr_queue, self.log_mark, MOST_SECONDS)

    replace(worker, "invoke", invoked)
    replace(worker, "_drain_stderr_bounded", drained)
