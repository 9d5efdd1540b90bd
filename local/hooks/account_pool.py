"""Lambda: the account's concurrent executions, and what functions reserve of them.

- Functions that reserve nothing share what is left of the account's quota: a call beyond it is refused with
  429 (TooManyRequestsException, reason ConcurrentInvocationLimitExceeded). A function that reserves a share
  has it, whatever the others do, and no more. ministack counted all calls together.
- At least 100 must stay unreserved, of a smaller quota all. PutFunctionConcurrency refuses what leaves less
  (InvalidParameterValueException), and so does CloudFormation, before it makes or changes the function.
  To look and to reserve is one step: of two that want the last share, one gets it.
- Of a home whose functions reserve more than a smaller quota leaves, `ona up` says so.
- `ReservedConcurrentExecutions` in a template holds. ministack dropped it silently.

The quota is ONA_LOCAL_CONCURRENCY, 1 000 by default as on AWS; a new account may have 10.
Sources: AWS Lambda Developer Guide, "Understanding Lambda function scaling", "Configuring reserved
concurrency for a function", "Lambda quotas"; API Reference, Invoke (Reason), PutFunctionConcurrency. The
words of the refusal are those that users of AWS quote; that they name the quota itself where it is below
100 is from such quotations, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from local.hooks.base import HookBroken, private, replace

Json = dict[str, Any]
UNRESERVED = 100
"""So many executions stay for functions that reserve none (AWS)."""
KIND, PROPERTY = "AWS::Lambda::Function", "ReservedConcurrentExecutions"
_CODE = "InvalidParameterValueException"
_SETTLED = "ona_share_settled"
"""A function's record has it once a template's share was applied."""


def refusal(quota: int, reserved: Mapping[str, int], name: str, wanted: int) -> str:
    """Why a function may not reserve so much; empty when it may. `reserved`: what each function has now.

    >>> refusal(1000, {"a": 800}, "b", 100)
    ''
    >>> refusal(1000, {"a": 800}, "b", 101)[-23:]
    'minimum value of [100].'
    >>> refusal(10, {}, "b", 1)[-22:], refusal(10, {"b": 1}, "b", 0)
    ('minimum value of [10].', '')
    """
    least = min(UNRESERVED, quota)
    if wanted <= reserved.get(name, 0) or quota - sum({**reserved, name: wanted}.values()) >= least:
        return ""
    return (
        "Specified ReservedConcurrentExecutions for function decreases account's "
        f"UnreservedConcurrentExecution below its minimum value of [{least}]."
    )


def number(value: Any) -> int | None:
    """What a function reserves, as ministack keeps it or as a template gives it; None for nothing.

    >>> number(None), number(0), number("7"), number({"ReservedConcurrentExecutions": 3})
    (None, 0, 7, 3)
    """
    if isinstance(value, dict):
        value = value.get(PROPERTY)
    return None if value is None else int(value)


def settle(function: Json, old: Any, new: Any) -> None:
    """Give a function the share that its template has, where the template changed it: what somebody changed
    by hand stays. A function of a home from before this hook gets it once, whatever the template had.

    >>> function = {"concurrency": None}
    >>> settle(function, 5, 5); function["concurrency"]
    5
    >>> function["concurrency"] = 1; settle(function, 5, 5); settle(function, 5, 6); function["concurrency"]
    6
    >>> settle(function, 6, None); function["concurrency"] is None
    True
    """
    wanted, before = number(new), number(old)
    if _SETTLED not in function and before == wanted:
        before = None
    function[_SETTLED] = True
    if wanted != before:
        function["concurrency"] = wanted


def running_unreserved(running: Mapping[str, int], shares: Iterable[str]) -> int:
    """How many of the calls that run are of functions without a share. Keys of `running` end with names.

    >>> running_unreserved({"1:af:a": 3, "1:af:b": 4}, ["a"])
    4
    """
    own = set(shares)
    return sum(count for key, count in running.items() if key.rsplit(":", 1)[-1] not in own)


def install() -> None:
    """Apply the hooks, inside of the limits. Raises HookBroken."""
    from ministack.core.responses import error_response_json
    from ministack.services import lambda_svc

    functions = private(lambda_svc, "_functions")
    quota = int(private(lambda_svc, "_ACCOUNT_CONCURRENCY_CAP"))
    of_call = private(lambda_svc, "_reserved_concurrency")
    in_flight = private(lambda_svc, "executions_in_flight")
    take, put = (
        private(lambda_svc, "_acquire_execution_slot"),
        private(lambda_svc, "_put_function_concurrency"),
    )
    say = private(lambda_svc, "_throttle_response")
    lock = threading.Lock()
    promised: dict[str, int] = {}  # what CloudFormation is about to reserve, by function

    def shares() -> dict[str, int]:
        found = ((str(name), number(one.get("concurrency"))) for name, one in list(functions.items()))
        now = {name: share for name, share in found if share is not None}
        return now | {name: max(share, now.get(name, 0)) for name, share in promised.items()}

    def book(name: str, wanted: int | None) -> str:
        with lock:
            text = "" if wanted is None else refusal(quota, shares(), name, wanted)
            if wanted is not None and not text:
                promised[name] = wanted
            return text

    def booked(name: str) -> None:
        with lock:
            promised.pop(name, None)

    def acquire(function: Json, config: Json) -> Any:
        with lock:
            if of_call(function, config) is None:
                reserved = shares()
                if running_unreserved(in_flight()[1], reserved) >= quota - sum(reserved.values()):
                    return None, "account"
            return take(function, config)

    def putting(name: str, data: Json) -> Any:
        wanted = number(data)
        with lock:  # two at once must not both take what is left
            if (
                name in functions
                and wanted is not None
                and (text := refusal(quota, shares(), name, wanted))
            ):
                return error_response_json(_CODE, text, 400)
            return put(name, data)

    def throttled(reason_code: str, msg: str, retry_after: int = 1) -> Any:
        answer = say(reason_code, "Rate Exceeded.", retry_after)
        return {**answer, "body": {**answer["body"], "Type": "User"}}

    replace(lambda_svc, "_acquire_execution_slot", acquire)
    replace(lambda_svc, "_put_function_concurrency", putting)
    replace(lambda_svc, "_throttle_response", throttled)
    _templates(functions, book, booked)


def _templates(
    functions: Any, book: Callable[[str, int | None], str], booked: Callable[[str], None]
) -> None:
    from ministack.services.cloudformation import provisioners

    handlers: dict[str, Json] = private(provisioners, "_RESOURCE_HANDLERS")
    if KIND not in handlers:
        raise HookBroken(f"ministack no longer provisions {KIND}")
    create, update = handlers[KIND]["create"], handlers[KIND]["update"]

    @contextmanager
    def promise(name: str, properties: Json) -> Iterator[int | None]:
        wanted = number(properties.get(PROPERTY))
        if text := book(name, wanted):
            raise ValueError(f"{text} (Error Code: {_CODE})")
        try:
            yield wanted
        finally:
            booked(name)

    def created(logical: str, properties: Json, *rest: Any) -> Any:
        with promise(str(properties.get("FunctionName") or logical), properties) as wanted:
            name, attributes = create(logical, properties, *rest)
            settle(functions[name], None, wanted)
        return name, attributes

    def updated(physical: str, old: Json, new: Json, *rest: Any, **more: Any) -> Any:
        with promise(physical, new) as wanted:
            done = update(physical, old, new, *rest, **more)
            name = done[0] if isinstance(done, tuple) else physical
            settle(functions[name], old.get(PROPERTY) if name == physical else None, wanted)
        return done

    handlers[KIND] = {**handlers[KIND], "create": created, "update": updated}
