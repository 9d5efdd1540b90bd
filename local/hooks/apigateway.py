"""API Gateway: gateway responses of an imported OpenAPI body.

ministack imports paths and authorizers of a REST API's `Body`, and leaves out the answers that SAM puts
beside them (`x-amazon-apigateway-gateway-responses`): a refused key would not be told in our envelope.
"""

from __future__ import annotations

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

    replace(apigateway_v1, "_import_rest_api", imported)
