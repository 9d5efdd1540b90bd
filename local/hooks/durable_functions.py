"""Lambda: a function whose update a kill cut short ends it after the restart.

On AWS an update that was accepted ends by itself: `LastUpdateStatus` goes from InProgress to Successful,
and `State` from Pending to Active (AWS Lambda Developer Guide, "Lambda function states"). ministack does it
in a thread, which a kill ends, so that the function would be in its update for ever.
"""

from __future__ import annotations

from typing import Any

from local.hooks.base import private

_UNDER_WAY = {"State": "Pending", "LastUpdateStatus": "InProgress"}


def mend() -> None:
    """After a restart: let every update that is under way end."""
    from ministack.core.responses import set_request_account_id, set_request_region
    from ministack.services import lambda_svc

    functions = private(lambda_svc, "_functions")
    end = private(lambda_svc, "_schedule_state_transition")
    delay = private(lambda_svc, "_LAMBDA_STATE_TRANSITION_DELAY")
    for (account, region, name), function in list(functions._data.items()):
        if any(_is_under_way(one.get("config") or {}) for one in (function, *_versions(function))):
            set_request_account_id(account)
            set_request_region(region)
            end(name, delay)


def _versions(function: dict[str, Any]) -> list[dict[str, Any]]:
    return list((function.get("versions") or {}).values())


def _is_under_way(config: dict[str, Any]) -> bool:
    return any(config.get(field) == status for field, status in _UNDER_WAY.items())
