"""Lambda: error names, `/opt`, and no more sandboxes at once than the machine has cores.

- A handler's exception is reported with its class as `errorType`, as AWS does, and the sandbox goes on.
  ministack reports `Runtime.HandlerError` for every exception and ends the worker.
- An answer that is no JSON is `Runtime.MarshalError`, and a Decimal is a number, as in AWS's runtime.
- A function sees its own variables and the system's, not those of the shell that started the server.
- A worker that dies is reported as `Runtime.ExitError`, not as a handler's error. When it used too much
  memory (`local.limits.memory`), the log's REPORT line says `Runtime.OutOfMemory`, as on AWS.
- Packages that `sam build` made for another machine cannot be loaded here. Their folders are searched after
  this environment's own packages, and the function's log says so.
- Environment variables that name `/opt`, or a file in it, point into the layer, which lies elsewhere here.
- Invocations beyond ONA_LOCAL_SANDBOXES wait, instead of starting more and more Python processes. AWS would
  start them: the time of this queue counts against no limit of AWS (`Queued`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from local.hooks.base import HookBroken, private, replace

ERROR_KEY = "$handlerError"
"""Under this key the worker returns an exception as if it were a result."""
_ERROR_LINE = (
    '_real_stdout.write(json.dumps({"status": "error", "error": str(e), '
    '"trace": traceback.format_exc()}) + "\\n")'
)
_TYPED_LINE = (
    "traceback.print_exc(); "
    '_real_stdout.write(json.dumps({"status": "ok", "result": {"' + ERROR_KEY + '": {'
    '"errorMessage": str(e), "errorType": type(e).__name__, '
    '"stackTrace": traceback.format_tb(e.__traceback__)[1:]}}}) + "\\n")'
)
_ANSWER_LINE = '_real_stdout.write(json.dumps({"status": "ok", "result": result}) + "\\n")'
_MARSHALLED_LINES = (
    "try:\n"
    "                _text = json.dumps(result, default=_plain)\n"
    "            except Exception as _e:\n"
    '                _text = json.dumps({"' + ERROR_KEY + '": {"errorType": "Runtime.MarshalError", '
    '"errorMessage": "Unable to marshal response: " + str(_e), "stackTrace": []}})\n'
    '            _real_stdout.write(\'{"status": "ok", "result": \' + _text + "}\\n")'
)
_VARIABLES_LINE = "    os.environ.update(env)\n"
_SYSTEM_VARIABLES = (
    "PATH|HOME|LANG|TZ|TMPDIR|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|"
    "(AWS|LAMBDA|LC|LD|PYTHON|OMP|OPENBLAS|DYLD)_?.*|_.*|.*_(proxy|PROXY)"
)
"""What a function sees beside its own variables; a shell's other variables do not exist on AWS."""
_VARIABLES_LINES = (
    f"    import re\n    _system = re.compile({_SYSTEM_VARIABLES!r})\n"
    "    for _name in [n for n in os.environ if n not in env and not _system.fullmatch(n)]:\n"
    "        del os.environ[_name]\n" + _VARIABLES_LINE + "    def _plain(value):\n"
    "        import decimal\n"
    "        if isinstance(value, decimal.Decimal):\n"
    "            return float(value)\n"
    "        raise TypeError('Object of type %s is not JSON serializable' % type(value).__name__)\n"
)
_LAYERS_LINE = "        sys.path.insert(0, _ld)\n"
_OPT_LINES = _LAYERS_LINE + (
    "    import glob, importlib.machinery\n"
    "    def _foreign(d):\n"
    "        patterns = ('*.so', '*/*.so', '*/lib/*.so')\n"
    "        libraries = [f for p in patterns for f in glob.glob(os.path.join(d, p))]\n"
    "        mine = importlib.machinery.EXTENSION_SUFFIXES[0]\n"
    "        if any('.cpython-' in f and not f.endswith(mine) for f in libraries):\n"
    "            return True\n"
    "        machine = open(os.path.realpath(sys.executable), 'rb').read(20)[18:20]\n"
    "        return any(open(f, 'rb').read(20)[18:20] != machine\n"
    "                   for f in libraries if '.cpython-' not in f)\n"
    "    _own = (code_dir, *filter(None, os.environ.get('_LAMBDA_LAYERS_DIRS', '').split(os.pathsep)))\n"
    "    for _there in [d for d in sys.path if d.startswith(_own) and _foreign(d)]:\n"
    "        print(_there, 'is built for another machine or Python: the embedded cloud takes the '\n"
    "              'dependencies of its own environment instead', file=sys.stderr)\n"
    "        sys.path.remove(_there)\n"
    "        sys.path.append(_there)\n"
    "    _layers = [d for d in os.environ.get('_LAMBDA_LAYERS_DIRS', '').split(os.pathsep) if d]\n"
    "    for _name, _value in list(os.environ.items()):\n"
    "        if _value == '/opt' or _value.startswith('/opt/'):\n"
    "            for _ld in _layers:\n"
    "                _there = _ld + _value[len('/opt'):]\n"
    "                if os.path.isfile(_there) or os.path.isdir(_there) and any("
    "not x.startswith('python') and x not in"
    " ('Makefile', 'requirements.txt') for x in os.listdir(_there)):\n"
    "                    os.environ[_name] = _there\n"
    "                    break\n"
)
_DIED_MESSAGES = ("Worker process died", "Worker returned no response", "No JSON response from worker")
_KILLED_MESSAGE = "Runtime exited with error: signal: killed"


class Queued:
    """How long one caller's invocation waited for a sandbox of this machine. The caller puts it into
    `queued`; the invocation's own thread fills it."""

    def __init__(self) -> None:
        self._past, self._since = 0.0, 0.0

    @contextmanager
    def waits(self) -> Iterator[None]:
        """While the invocation waits."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._past, self._since = self.seconds(), 0.0

    def seconds(self) -> float:
        """Seconds so far, with those of a wait that still goes on."""
        since = self._since
        return self._past + (time.monotonic() - since if since else 0.0)


queued: ContextVar[Queued | None] = ContextVar("queued", default=None)
"""Where the invocation at hand counts how long it waits; None where nobody asks."""


BESIDE: set[str] = set()
"""Functions that get a sandbox beyond the count: they wait for another function, which needs one."""


def sandboxes() -> int:
    """How many invocations run at once: ONA_LOCAL_SANDBOXES, else the number of cores, at least 2."""
    return max(1, int(os.environ.get("ONA_LOCAL_SANDBOXES", "0")) or max(2, os.cpu_count() or 2))


def install() -> None:
    """Apply the hooks."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    script: str = private(lambda_runtime, "_PYTHON_WORKER_SCRIPT")
    for line in (_ERROR_LINE, _LAYERS_LINE, _ANSWER_LINE, _VARIABLES_LINE):
        if script.count(line) != 1:
            raise HookBroken("ministack.core.lambda_runtime._PYTHON_WORKER_SCRIPT changed")
    script = script.replace(_ERROR_LINE, _TYPED_LINE).replace(_LAYERS_LINE, _OPT_LINES)
    script = script.replace(_ANSWER_LINE, _MARSHALLED_LINES).replace(_VARIABLES_LINE, _VARIABLES_LINES)
    replace(lambda_runtime, "_PYTHON_WORKER_SCRIPT", script)

    room = threading.BoundedSemaphore(sandboxes())
    run = private(lambda_svc, "_execute_function_warm")

    def execute(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        name = (function.get("config") or function).get("FunctionName")
        place = room if name not in BESIDE else threading.BoundedSemaphore()
        with (queued.get() or Queued()).waits():
            place.acquire()
        try:
            answer: dict[str, Any] = run(function, event, request_id)
        finally:
            place.release()
        body = answer.get("body")
        if isinstance(body, dict) and set(body) == {ERROR_KEY}:
            error = {**body[ERROR_KEY], "requestId": request_id}
            return {"body": error, "error": True, "log": answer.get("log", "")}
        if answer.get("error") and isinstance(body, dict):
            return _died(answer, body, request_id)
        return answer

    replace(lambda_svc, "_execute_function_warm", execute)


def _died(answer: dict[str, Any], body: dict[str, Any], request_id: str) -> dict[str, Any]:
    """An invocation whose sandbox ended, in AWS's words; others as they are."""
    message = str(body.get("errorMessage", ""))
    if body.get("errorType") == "Sandbox.Timedout":
        return {**answer, "body": {**body, "errorMessage": f"RequestId: {request_id} Error: {message}"}}
    log = answer.get("log", "")
    if message == _KILLED_MESSAGE:
        log = f"{log}\nRequestId: {request_id} Error: {message}\nRuntime.ExitError\n"
        log += "Status: error\tError Type: Runtime.OutOfMemory"
    elif message.startswith(_DIED_MESSAGES):
        message = "Runtime exited without providing a reason"
    else:
        return answer
    text = f"RequestId: {request_id} Error: {message}"
    return {**answer, "body": {**body, "errorType": "Runtime.ExitError", "errorMessage": text}, "log": log}
