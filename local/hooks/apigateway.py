"""API Gateway: what an imported OpenAPI body holds beside paths and authorizers, and the paths of requests.

- Gateway responses (`x-amazon-apigateway-gateway-responses`): a refused key is told in our envelope.
- Routes of any method (`x-amazon-apigateway-any-method`).
- `$context.authorizer.…` in a gateway response: what the authorizer said when it denied.
- An encoded slash is part of a segment, as on AWS. ministack decodes the path before it looks for a route,
  so that `/ops%2Fwork-orders` was `/ops/work-orders`.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from local.hooks.base import private, replace

RESPONSES = "x-amazon-apigateway-gateway-responses"
ANY_METHOD = "x-amazon-apigateway-any-method"
_ENCODED_SLASH = re.compile("(%2f)", re.IGNORECASE)
_VARIABLE = re.compile(rb"\$context\.authorizer\.(\w+)")

_said: ContextVar[dict[str, Any]] = ContextVar("said", default={})  # noqa: B039 (it is never changed)
"""The context that the authorizer of the request at hand returned."""


def decoded(raw_path: str) -> str:
    """A request's path as routes see it: decoded, but for slashes.

    >>> decoded("/ops%2Fwork-orders/caf%C3%A9")
    '/ops%2Fwork-orders/café'
    """
    return "".join(
        part if _ENCODED_SLASH.fullmatch(part) else unquote(part) for part in _ENCODED_SLASH.split(raw_path)
    )


def install() -> None:
    """Apply the hooks."""
    from ministack import app
    from ministack.services import apigateway_v1

    import_api = private(apigateway_v1, "_import_rest_api")
    import_path = private(apigateway_v1, "_import_path_item")
    put = private(apigateway_v1, "_put_gateway_response")
    methods: set[str] = private(apigateway_v1, "_OPENAPI_HTTP_METHODS")
    methods.add("any")

    def imported(spec: dict[str, Any], base_data: dict[str, Any] | None = None) -> str:
        api_id: str = import_api(spec, base_data)
        for response_type, given in (spec.get(RESPONSES) or {}).items():
            status, _, body = put(api_id, response_type, given)
            if status >= 400:
                raise ValueError(f"gateway response {response_type}: {body!r}")
        return api_id

    def imported_path(api_id: str, path: str, item: dict[str, Any], *rest: Any) -> None:
        import_path(api_id, path, {("any" if k == ANY_METHOD else k): v for k, v in item.items()}, *rest)

    authorize = private(apigateway_v1, "_invoke_authorizer_lambda")

    async def authorized(*arguments: Any) -> Any:
        result = await authorize(*arguments)
        body = result.get("body") if isinstance(result, dict) else None
        _said.set(body.get("context") or {} if isinstance(body, dict) else {})
        return result

    answer = private(apigateway_v1, "_gateway_error_response")

    def answered(error: Any, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = answer(error, request)
        said = _said.get()
        return (
            status,
            headers,
            _VARIABLE.sub(lambda name: str(said.get(name[1].decode(), "")).encode(), body),
        )

    execute = private(app, "_handle_execute_api_request")

    async def executed(host: str, path: str, *rest: Any, raw_path: str | None = None, **more: Any) -> Any:
        return await execute(
            host, decoded(raw_path) if raw_path else path, *rest, raw_path=raw_path, **more
        )

    replace(apigateway_v1, "_import_rest_api", imported)
    replace(apigateway_v1, "_import_path_item", imported_path)
    replace(apigateway_v1, "_invoke_authorizer_lambda", authorized)
    replace(apigateway_v1, "_gateway_error_response", answered)
    replace(app, "_handle_execute_api_request", executed)
