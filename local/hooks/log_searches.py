"""CloudWatch Logs: FilterLogEvents, subscription filters and Live Tail read patterns as metric filters do.

ministack takes every line for a JSON pattern, and counts letters alike whether they are large or small.
A pattern that cannot be read is refused (InvalidParameterException); one of an older home means no line.
Source: Amazon CloudWatch Logs User Guide, "Filter pattern syntax for metric filters, subscription filters,
filter log events, and Live Tail"; API reference, FilterLogEvents, PutSubscriptionFilter, StartLiveTail.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from local.hooks.base import private, replace
from local.hooks.filter_patterns import BadPattern, Match, matcher

LONGEST = 1024
"""Letters of a pattern."""
Json = dict[str, Any]


@lru_cache(maxsize=256)
def means(pattern: str) -> Match:
    """A pattern as a question about a line. Raises BadPattern, also for one that is too long.

    >>> means("ERROR")("an error"), means('{ $.a = 1 }')("a = 1"), means("")("anything")
    (False, False, True)
    """
    if len(pattern) > LONGEST:
        raise BadPattern(f"it has more letters ({len(pattern)}) than are allowed ({LONGEST})")
    return matcher(pattern)


def _told(pattern: Any, line: Any) -> bool:
    try:
        return means(str(pattern or ""))(str(line or ""))
    except BadPattern:
        return False


def install() -> None:
    """Apply the hooks, before the roles' checks, which stand around them. Raises HookBroken."""
    from ministack.services import cloudwatch_logs as logs

    def reading(call: Callable[[Json], Any], field: str) -> Callable[[Json], Any]:
        def called(data: Json) -> Any:
            try:
                means(str(data.get(field) or ""))
            except BadPattern as error:
                text = f"Invalid filter pattern: {error}"
                return logs.error_response_json("InvalidParameterException", text, 400)
            return call(data)

        return called

    replace(logs, "_compile_filter_pattern", lambda pattern: means(str(pattern or "")))
    replace(logs, "_subscription_pattern_matches", _told)
    for name, field in (
        ("_filter_log_events", "filterPattern"),
        ("_put_subscription_filter", "filterPattern"),
        ("_start_live_tail", "logEventFilterPattern"),
    ):
        replace(logs, name, reading(private(logs, name), field))
