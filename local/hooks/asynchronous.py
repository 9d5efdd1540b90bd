"""Lambda: asynchronous invocations, as AWS queues, repeats and gives them up.

Rules, schedules, topics, buckets and callers with `InvocationType: Event` hand an event over. It waits in a
queue of Lambda's, and no thread waits with it.

- A function's error (time-outs and killed sandboxes too) is tried again after one minute, then after two:
  MaximumRetryAttempts times, 2 unless configured.
- A throttled event returns to the queue. It is tried after 1 s, then after twice as long each time, up to
  five minutes, and is none of those retries. A failure of the service itself is the same.
- An event older than MaximumEventAgeInSeconds, six hours unless configured, is given up.
- A reserved concurrency of 0 gives up at once.

What is given up goes to the dead-letter queue and to the destination (`asynchronous_letters`). All attempts
have one request id. SFN_WAIT_SCALE shortens the waits for tests; an event ages as if they were whole.
Sources: Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation",
"Configuring error handling settings for Lambda asynchronous invocations".
"""

from __future__ import annotations

import contextvars
import heapq
import json
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

from local.hooks import asynchronous_letters as letters
from local.hooks import waits
from local.hooks.base import private, replace

Json = dict[str, Any]
ERROR_PAUSES_SECONDS = (60.0, 120.0)
"""Before the second and before the third attempt of a function that failed (AWS)."""
THROTTLED_PAUSE_SECONDS, LONGEST_THROTTLED_PAUSE_SECONDS = 1.0, 300.0
"""The first pause of a throttled event, which doubles, and the longest (AWS)."""
RETRIES, AGE_SECONDS = 2, 21_600
"""What holds for a function without an EventInvokeConfig (AWS)."""
_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("ona_request_id", default="")


def settings_of(function: Json, qualifier: str) -> Json:
    """The EventInvokeConfig of a function's version or alias; `$LATEST` and none are the same.

    >>> settings_of({"event_invoke_configs": {"$LATEST": {"MaximumRetryAttempts": 0}}}, "")
    {'MaximumRetryAttempts': 0}
    >>> settings_of({"event_invoke_configs": {"$LATEST": {"MaximumRetryAttempts": 0}}}, "live")
    {}
    """
    configs = function.get("event_invoke_configs") or {}
    names = ("", "$LATEST") if qualifier in ("", "$LATEST") else (qualifier,)
    return next((dict(configs[name]) for name in names if configs.get(name)), {})


def pause_after(event: Json, *, throttled: bool) -> float:
    """Seconds until the next attempt, by how often the event failed or was throttled.

    >>> [pause_after({"failures": n, "throttles": 0}, throttled=False) for n in (1, 2)]
    [60.0, 120.0]
    >>> [pause_after({"failures": 0, "throttles": n}, throttled=True) for n in (1, 2, 3, 9, 10)]
    [1.0, 2.0, 4.0, 256.0, 300.0]
    """
    if throttled:
        return float(
            min(THROTTLED_PAUSE_SECONDS * 2 ** (event["throttles"] - 1), LONGEST_THROTTLED_PAUSE_SECONDS)
        )
    return ERROR_PAUSES_SECONDS[min(event["failures"], len(ERROR_PAUSES_SECONDS)) - 1]


class Queue:
    """Lambda's queue of events. `durable_deliveries` keeps it on disk.

    An event's entry: `arn`, `event`, `request`, `account`, `region`, `depth` (of functions that invoke
    each other), `accepted` and `due` (seconds since 1970), how many `failures` and `throttles` there were,
    and the `last` of them.
    """

    def __init__(self, scale: float) -> None:
        """Apply the hooks. `scale`: so much of a wait is waited."""
        from ministack.core import responses
        from ministack.services import eventbridge, lambda_svc, sns

        self._lambda, self._scale = lambda_svc, scale
        self._scope = (responses.get_account_id, responses.get_region)
        self._enter = (responses.set_request_account_id, responses.set_request_region)
        self._new_id = responses.new_uuid
        self._record_of = private(lambda_svc, "_get_func_record_for_ref")
        self._base_of = private(lambda_svc, "_get_base_func_record_for_ref")
        self._reserved = private(lambda_svc, "_reserved_concurrency")
        self._depth = private(lambda_svc, "_invoke_depth")
        self._entries: dict[str, Json] = {}
        self._hold: Callable[[str, Callable[[], None]], None] = lambda _, start: start()
        self._together: Callable[[], AbstractContextManager[None]] = nullcontext
        self._waiting: list[tuple[float, str]] = []
        self._changed = threading.Condition()
        self._timer: threading.Thread | None = None
        replace(lambda_svc, "invoke_async_with_retry", self._invoked)
        replace(eventbridge, "_dispatch_to_lambda", self._of_rule)
        replace(sns, "_deliver_to_lambda", self._of_topic)
        replace(sns, "_threading", _within_the_request(sns))
        self._one_request_id()

    def keep(
        self,
        entries: dict[str, Json],
        hold: Callable[[str, Callable[[], None]], None],
        together: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Keep events in `entries`, start what `hold` lets start, and end events within `together`."""
        self._entries, self._hold, self._together = entries, hold, together

    def _one_request_id(self) -> None:
        run = private(self._lambda, "_execute_function_dispatch")

        def execute(func: Json, config: Json, event: Any, request_id: str, started: float) -> Any:
            given = _request_id.get()
            _request_id.set("")  # only the invocation's own, not of what it does
            return run(func, config, event, given or request_id, started)

        replace(self._lambda, "_execute_function_dispatch", execute)

    # who hands events over

    def _invoked(self, func: Json, event: Any) -> None:
        self.accept((func.get("config") or func)["FunctionArn"], event)

    def _of_rule(self, arn: str, payload: str) -> None:
        try:
            event = json.loads(payload)
        except (ValueError, TypeError):
            event = {"body": payload}
        self._deliver(arn, event, "EventBridge")

    def _of_topic(self, endpoint: str, envelope: str, topic: str, subscription: str, *_: Any) -> None:
        record = {"EventVersion": "1.0", "EventSubscriptionArn": subscription, "EventSource": "aws:sns"}
        self._deliver(endpoint, {"Records": [{**record, "Sns": json.loads(envelope)}]}, f"topic {topic}")

    def _deliver(self, arn: str, event: Any, source: str) -> None:
        if self._record_of(arn)[0] is None:
            letters.say(f"{source}: function {arn} not found")
            return
        self.accept(arn, event)

    def accept(self, arn: str, event: Any) -> None:
        """Take an event for a function; its first attempt begins when the present request is on disk."""
        name = str(self._new_id())
        account, region = (value() for value in self._scope)
        self._entries[name] = self._entry(arn, event, account, region)
        self._hold(name, lambda: self._begin(name))

    def _entry(self, arn: str, event: Any, account: str, region: str) -> Json:
        now = time.time()
        return {
            "kind": "function",
            "arn": arn,
            "event": event,
            "request": str(self._new_id()),
            "account": account,
            "region": region,
            "depth": self._depth.get(),
            "accepted": now,
            "due": now,
            "failures": 0,
            "throttles": 0,
            "last": None,
        }

    def resume(self, name: str) -> None:
        """Go on with an event after a restart. The time until then does not make it older.

        Entries from before this queue was durable have `arn` and `event`, or a rule's `payload`.
        """
        old, now = self._entries[name], time.time()
        if "request" not in old:
            event = old["event"] if "event" in old else json.loads(old["payload"])
            old = self._entry(old["arn"], event, old["account"], old["region"])
        late = max(0.0, now - old["due"])
        self._entries[name] = {**old, "accepted": old["accepted"] + late, "due": old["due"] + late}
        self._later(name)

    # attempts

    def _begin(self, name: str) -> None:
        run = contextvars.Context().run  # nothing of whoever handed it over
        threading.Thread(target=run, args=(self._attempt, name), name="ona-event", daemon=True).start()

    def _later(self, name: str) -> None:
        with self._changed:
            heapq.heappush(self._waiting, (self._entries[name]["due"], name))
            if self._timer is None:
                self._timer = threading.Thread(target=self._watch, name="ona-events", daemon=True)
                self._timer.start()
            self._changed.notify()

    def _watch(self) -> None:
        while True:
            with self._changed:
                while not self._waiting or self._waiting[0][0] > time.time():
                    until = self._waiting[0][0] - time.time() if self._waiting else None
                    self._changed.wait(until)
                _, name = heapq.heappop(self._waiting)
            self._begin(name)

    def _attempt(self, name: str) -> None:
        entry = self._entries.get(name)
        if entry is None:
            return
        for enter, value in zip(self._enter, (entry["account"], entry["region"]), strict=True):
            enter(value)
        self._depth.set(entry["depth"])
        base = self._base_of(entry["arn"])[0]
        func, config, _ = self._record_of(entry["arn"])
        if not base or not func or not config:
            letters.say(f"asynchronous event for {entry['arn']}: the function is gone")
            self._entries.pop(name, None)
            return
        qualifier = entry["arn"].split(":function:")[-1].partition(":")[2]
        to = letters.Receiver(entry["arn"], config, settings_of(base, qualifier))
        left = float(to.settings.get("MaximumEventAgeInSeconds", AGE_SECONDS)) + entry["accepted"]
        if time.time() >= left:
            self._end(name, entry, to, "EventAgeExceeded")
        elif self._reserved(func, config) == 0:
            self._end(name, {**entry, "last": letters.CLOSED}, to, "ZeroReservedConcurrency")
        else:
            self._settle(name, entry, to, self._run(func, config, entry), left)

    def _run(self, func: Json, config: Json, entry: Json) -> Json:
        record = {**func, "config": {**config, "FunctionArn": entry["arn"]}}
        _request_id.set(entry["request"])
        try:
            answer: Json = private(self._lambda, "_execute_function_with_config_scope")(
                record, entry["event"]
            )
            return answer
        except Exception as error:  # of whatever kind: AWS tries again after a failure of its own
            traceback.print_exc()
            body = {"errorType": "ServiceException", "errorMessage": f"{type(error).__name__}: {error}"}
            return {"error": True, "system": True, "body": body}
        finally:
            _request_id.set("")

    def _settle(self, name: str, entry: Json, to: letters.Receiver, answer: Json, left: float) -> None:
        back = bool(answer.get("throttle") or answer.get("system"))
        kind = "throttles" if back else "failures"
        entry = {**entry, kind: entry[kind] + bool(answer.get("error")), "last": letters.brief(answer)}
        if not answer.get("error"):
            self._end(name, entry, to, "Success")
        elif not back and entry["failures"] > int(to.settings.get("MaximumRetryAttempts", RETRIES)):
            self._end(name, entry, to, "RetriesExhausted")
        else:
            now = time.time()
            pause = max(0.0, min(pause_after(entry, throttled=back), left - now))
            shortened = pause * self._scale
            # it ages as if the whole pause had been waited
            accepted = entry["accepted"] - (pause - shortened)
            self._entries[name] = {**entry, "accepted": accepted, "due": now + shortened}
            self._later(name)

    def _end(self, name: str, entry: Json, to: letters.Receiver, condition: str) -> None:
        with self._together():
            for function, event in letters.send(to, entry, condition):
                self.accept(function, event)
            self._entries.pop(name, None)


def _within_the_request(sns: Any) -> Any:
    """Stands for `threading` in SNS: a function's notification is accepted before Publish is answered."""
    threads = private(sns, "_threading")

    def thread(target: Callable[..., Any], args: tuple[Any, ...] = (), **named: Any) -> Any:
        if args and args[0] is sns._deliver_to_lambda:
            return SimpleNamespace(start=lambda: target(*args))
        return threads.Thread(target=target, args=args, **named)

    return SimpleNamespace(**{**vars(threads), "Thread": thread})


def install() -> Queue:
    """Apply the hooks; returns the queue."""
    return Queue(waits.scale())
