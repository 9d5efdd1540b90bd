"""What docs/operations/health.md shows: a sound platform, and one with three damages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ona.store.layout import ASSETS
from tests.builders.scenes import letters_wait, on
from tests.fakes.platform import Platform


@contextmanager
def with_timers(platform: Platform) -> Iterator[None]:
    """All timers run, as they do where no test stops them."""
    events = platform.target.client("events")
    for rule in events.list_rules()["Rules"]:
        if rule["State"] == "DISABLED":
            events.enable_rule(Name=rule["Name"])
    platform.set_schedules("ENABLED")
    try:
        yield
    finally:
        platform.stop_timers()


@contextmanager
def sound(platform: Platform) -> Iterator[None]:
    """Nothing is wrong, and no asset is registered yet."""
    platform.s3.delete_object(Bucket=platform.target.input_bucket, Key=ASSETS)
    with with_timers(platform):
        yield


@contextmanager
def damaged(platform: Platform) -> Iterator[None]:
    """A function that lets no call in, a letter, and an alarm that is on."""
    client = platform.target.client
    detect, letters = platform.target.function("detect"), platform.target.outputs["DeadLetterQueueUrl"]
    client("lambda").put_function_concurrency(FunctionName=detect, ReservedConcurrentExecutions=0)
    client("sqs").send_message(QueueUrl=letters, MessageBody="{}")
    try:
        with with_timers(platform), letters_wait(), on(platform, "api-5xx"):
            yield
    finally:
        client("lambda").delete_function_concurrency(FunctionName=detect)
        client("sqs").purge_queue(QueueUrl=letters)
