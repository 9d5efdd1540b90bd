"""API Gateway: gateway responses of an imported OpenAPI body, and `$context.requestTime` in them.

ministack imports paths and authorizers of a REST API's `Body`, and leaves out the answers that SAM puts
beside them (`x-amazon-apigateway-gateway-responses`): a refused key would not be told in our envelope.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local.hooks.base import private, replace

EXTENSION = "x-amazon-apigateway-gateway-responses"


def install() -> None:
    """Apply the hook."""
    from ministack.services import apigateway_v1

    import_api = private(apigateway_v1, "_import_rest_api")
    put = private(apigateway_v1, "_put_gateway_response")

    def imported(spec: dict[str, Any], base_data: dict[str, Any] | None = None) -> str:
        api_id: str = import_api(spec, base_data)
        for response_type, given in (spec.get(EXTENSION) or {}).items():
            status, _, body = put(api_id, response_type, given)
            if status >= 400:
                raise ValueError(f"gateway response {response_type}: {body!r}")
        return api_id

    answer = private(apigateway_v1, "_gateway_error_response")

    def answered(error: Any, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = answer(error, request)
        moment = f"{datetime.now(UTC):%d/%b/%Y:%H:%M:%S +0000}"  # as AWS writes it
        return status, headers, body.replace(b"$context.requestTime", moment.encode())

    replace(apigateway_v1, "_import_rest_api", imported)
    replace(apigateway_v1, "_gateway_error_response", answered)
