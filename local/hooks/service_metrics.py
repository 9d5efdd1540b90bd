"""CloudWatch: what the services measure of themselves, as AWS/States, AWS/SQS and AWS/ApiGateway.

Sources: AWS Step Functions Developer Guide, "Monitoring Step Functions metrics using Amazon CloudWatch";
Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS"; Amazon API Gateway Developer
Guide, "Amazon API Gateway dimensions and metrics". ministack measures Lambda itself.

A queue is looked at once a minute. AWS does so too, and may be up to 15 minutes late; here nothing is late.
"""

from __future__ import annotations

import contextvars
import functools
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from local import clock
from local.hooks import asynchronous_letters, metrics
from local.hooks.base import private, replace

EVERY_S = 60.0
"""So often a queue is looked at."""
STATES, QUEUES, GATEWAY = "AWS/States", "AWS/SQS", "AWS/ApiGateway"
ENDS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
Json = dict[str, Any]


def gauges(
    messages: Iterable[Json], now: float, age: Callable[[float], float] | None = None
) -> dict[str, float]:
    """What CloudWatch says of a queue that has these messages at the time `now`, seconds since 1970; `age`:
    how old something is that began at a time.

    >>> waiting = {"sent_at": 100.0, "visible_at": 100.0, "receive_count": 0}
    >>> looked_at = {"sent_at": 90.0, "visible_at": 160.0, "receive_count": 1}
    >>> delayed = {"sent_at": 120.0, "visible_at": 135.0, "receive_count": 0}
    >>> for name, value in gauges([waiting, looked_at, delayed], 130.0).items():
    ...     print(name, value)
    ApproximateNumberOfMessagesVisible 1.0
    ApproximateNumberOfMessagesNotVisible 1.0
    ApproximateNumberOfMessagesDelayed 1.0
    ApproximateAgeOfOldestMessage 40.0
    """
    found, old = list(messages), age or (lambda began: now - began)
    hidden = [message for message in found if message["visible_at"] > now]
    received = sum(1 for message in hidden if message["receive_count"])
    return {
        "ApproximateNumberOfMessagesVisible": float(len(found) - len(hidden)),
        "ApproximateNumberOfMessagesNotVisible": float(received),
        "ApproximateNumberOfMessagesDelayed": float(len(hidden) - received),
        "ApproximateAgeOfOldestMessage": max((old(message["sent_at"]) for message in found), default=0.0),
    }


def milliseconds_of(execution: Json) -> float | None:
    """How long an execution took; None where a time is missing.

    >>> milliseconds_of({"startDate": "2026-11-28T08:00:00.000Z", "stopDate": "2026-11-28T08:00:02.500Z"})
    2500.0
    >>> milliseconds_of({"startDate": 10.0, "stopDate": 12.0}), milliseconds_of({"startDate": 10.0})
    (2000.0, None)
    """

    def seconds(given: Any) -> float:
        if isinstance(given, int | float):
            return float(given)
        return datetime.fromisoformat(str(given)).timestamp()

    start, stop = execution.get("startDate"), execution.get("stopDate")
    return None if start is None or stop is None else 1000 * (seconds(stop) - seconds(start))


def in_scope(account: str, region: str, do: Callable[..., None], *given: Any) -> None:
    """Do something in an account and region; a thread that carries a message has none of its own."""
    from ministack.core.responses import set_request_account_id, set_request_region

    def done() -> None:
        set_request_account_id(account)
        set_request_region(region)
        do(*given)

    contextvars.Context().run(done)


def look_at_queues() -> None:
    """Record the gauges of all queues, each in its account and region."""
    from ministack.services import sqs

    def one(queue: Json) -> None:
        for name, value in gauges(list(queue["messages"]), time.time(), clock.age).items():
            unit = "Seconds" if name.endswith("OldestMessage") else "Count"
            metrics.record(QUEUES, name, {"QueueName": queue["name"]}, value, unit)

    for (account, region, *_), queue in list(private(sqs, "_queues").all_items()):
        in_scope(account, region, one, queue)


def _queues_for_ever() -> None:
    while True:
        time.sleep(EVERY_S)
        try:
            look_at_queues()
        except Exception:  # the next minute looks again
            traceback.print_exc()


def _of_queue(name: str, arn_or_url: str, value: float, unit: str = "Count") -> None:
    queue = arn_or_url.rstrip("/").replace(":", "/").rsplit("/", 1)[-1]
    metrics.record(QUEUES, name, {"QueueName": queue}, value, unit)


def _states() -> None:
    """Executions by their status. The hook tells EventBridge of the same moments."""
    from ministack.services import stepfunctions

    tell = private(stepfunctions, "_emit_execution_status_event")

    def told(execution: Json) -> None:
        tell(execution)
        machine = {"StateMachineArn": execution["stateMachineArn"]}
        if execution["status"] == "RUNNING":
            metrics.record(STATES, "ExecutionsStarted", machine, 1, "Count")
        elif execution["status"] in ENDS:
            metrics.record(STATES, ENDS[execution["status"]], machine, 1, "Count")
            took = milliseconds_of(execution)
            if took is not None:
                metrics.record(STATES, "ExecutionTime", machine, took, "Milliseconds")

    replace(stepfunctions, "_emit_execution_status_event", told)


def _messages() -> None:
    """Messages that were sent, received and deleted, by whoever did it."""
    from ministack.services import eventbridge, sns, sqs

    send, delete = private(sqs, "_act_send_message"), private(sqs, "_act_delete_message")
    receive, deletes = private(sqs, "_act_receive_message"), private(sqs, "_act_delete_message_batch")

    def sent(data: Json, url: str) -> Any:
        answer = send(data, url)
        to = data.get("QueueUrl", url)
        _of_queue("NumberOfMessagesSent", to, 1)
        _of_queue("SentMessageSize", to, len(data["MessageBody"].encode()), "Bytes")
        return answer

    async def received(data: Json, url: str) -> Any:
        answer = await receive(data, url)
        count = len(answer.get("Messages", ()))
        name = "NumberOfMessagesReceived" if count else "NumberOfEmptyReceives"
        _of_queue(name, data.get("QueueUrl", url), count or 1)
        return answer

    def deleted(data: Json, url: str) -> Any:
        answer = delete(data, url)
        _of_queue("NumberOfMessagesDeleted", data.get("QueueUrl", url), 1)
        return answer

    def many_deleted(data: Json, url: str) -> Any:
        answer = deletes(data, url)
        if answer["Successful"]:
            _of_queue("NumberOfMessagesDeleted", data.get("QueueUrl", url), len(answer["Successful"]))
        return answer

    def by_poller(original: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(original)
        def polled(url: str, given: Any) -> Any:
            answer = original(url, given)
            count = len(answer) if name == "NumberOfMessagesReceived" else len(given)
            if count:
                _of_queue(name, url, count)
            return answer

        return polled

    def by_service(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def put(target: Any, *rest: Any, **named: Any) -> Any:
            answer = original(target, *rest, **named)
            if private(sqs, "_queue_by_arn")(str(target)) is not None:
                account, region = str(target).split(":")[4], str(target).split(":")[3]
                in_scope(account, region, _of_queue, "NumberOfMessagesSent", str(target), 1)
            return answer

        return put

    for name, own in (
        ("_act_send_message", sent),
        ("_act_receive_message", received),
        ("_act_delete_message", deleted),
        ("_act_delete_message_batch", many_deleted),
    ):
        original = replace(sqs, name, own)
        handlers = private(sqs, "_HANDLERS")  # a table that was made before
        for action in [action for action, handler in handlers.items() if handler is original]:
            handlers[action] = own
    for name, metric in (
        ("_receive_messages_for_esm", "NumberOfMessagesReceived"),
        ("_delete_messages_for_esm", "NumberOfMessagesDeleted"),
    ):
        replace(sqs, name, by_poller(private(sqs, name), metric))
    for owner, name in (
        (eventbridge, "_dispatch_to_sqs"),
        (sns, "_deliver_to_sqs"),
        (asynchronous_letters, "_to_queue"),
    ):
        replace(owner, name, by_service(private(owner, name)))


def _requests() -> None:
    """Requests to a stage of an API: their number, errors and time."""
    from ministack.services import apigateway_v1

    execute, apis = private(apigateway_v1, "_handle_execute_in_scope"), private(apigateway_v1, "_rest_apis")

    async def executed(api_id: str, stage: str, *given: Any) -> Any:
        begun = time.perf_counter()
        answer = await execute(api_id, stage, *given)
        took, status = 1000 * (time.perf_counter() - begun), int(answer[0])
        api = apis.get(api_id)
        if api:
            for own in ({"ApiName": api["name"], "Stage": stage}, {"ApiName": api["name"]}):
                metrics.record(GATEWAY, "Count", own, 1, "Count")
                metrics.record(GATEWAY, "4XXError", own, float(400 <= status < 500), "Count")
                metrics.record(GATEWAY, "5XXError", own, float(status >= 500), "Count")
                metrics.record(GATEWAY, "Latency", own, took, "Milliseconds")
        return answer

    replace(apigateway_v1, "_handle_execute_in_scope", executed)


def install() -> None:
    """Apply the hooks, after that of status events and before limits and stores. Raises HookBroken."""
    _states()
    _messages()
    _requests()
    threading.Thread(target=_queues_for_ever, name="queue metrics", daemon=True).start()
