"""`POST /_ona/clock` lets the alarms' time run ahead: a test of a quarter of an hour need not last one.

The body is `{"advance_s": 300}`; the answer is `{"now": …}`, seconds since 1970. Alarms are looked at for
each minute that passed, before the answer comes; where ONA_LOCAL_ALARMS is `off`, only with
`"alarms": true` beside it. `GET /_ona/clock` answers the same and changes nothing.
The server listens on the loopback address alone, so nobody outside this machine reaches it.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from local import clock
from local.alarms.evaluate import MINUTE_S
from local.hooks import alarm_states
from local.hooks.base import replace

PATH = "/_ona/clock"
"""No bucket's name begins with an underscore, so no path of S3 begins so."""
MOST_S = 86_400.0
"""So far one request may go: each of its minutes is looked at."""
_JSON = {"Content-Type": "application/json"}


def advance(seconds: float, *, alarms: bool) -> None:
    """Let the time run ahead, minute by minute; `alarms`: look at them at each."""
    until = clock.now() + seconds
    while (left := until - clock.now()) > 0:
        to_next_minute = MINUTE_S - clock.now() % MINUTE_S
        clock.advance(min(left, to_next_minute))
        if alarms and to_next_minute <= left:
            alarm_states.look(clock.now())


def asked(body: bytes) -> tuple[float, bool]:
    """Seconds, and whether alarms are looked at. Raises ValueError with what is wrong.

    >>> asked(b'{"advance_s": 90, "alarms": true}')
    (90.0, True)
    """
    given = json.loads(body or b"{}")
    unknown = set(given) - {"advance_s", "alarms"} if isinstance(given, dict) else {"no object"}
    if unknown:
        raise ValueError(f"only advance_s and alarms are known: {', '.join(sorted(unknown))}")
    seconds, alarms = given.get("advance_s"), given.get("alarms", alarm_states.are_on())
    if type(seconds) not in (int, float) or not 0 < seconds <= MOST_S:
        raise ValueError(f"advance_s is a number of seconds, more than 0, at most {MOST_S:.0f}")
    if type(alarms) is not bool:
        raise ValueError("alarms is true or false")
    return float(seconds), alarms


def install() -> None:
    """Apply the hook."""
    from ministack import app

    async def handled(path: str, method: str, body: bytes) -> Any:
        if path != PATH or method not in ("GET", "POST"):
            return await otherwise(path, method, body)
        if method == "POST":
            try:
                seconds, alarms = asked(body)
            except ValueError as error:
                return 400, dict(_JSON), json.dumps({"message": str(error)}).encode()
            await asyncio.to_thread(advance, seconds, alarms=alarms)
        return 200, dict(_JSON), json.dumps({"now": clock.now()}).encode()

    otherwise = replace(app, "_handle_admin_config_request", handled)
