"""One OpenAPI document of all families' routes."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

TITLE, API_VERSION = "Ona Platform API", "2.0.0"


def openapi(*apps: APIGatewayRestResolver) -> dict[str, Any]:
    """The OpenAPI document of all functions' routes, with their full paths; `docs/openapi.json` is this.

    Raises ValueError when two functions call different models by one name.
    """
    whole: dict[str, Any] = {}
    for app in apps:
        schema = app.get_openapi_json_schema(
            title=TITLE,
            version=API_VERSION,
            description="Uploads and forecasts of solar and wind sites; under /ops their incidents, work "
            "orders and the plan. All but /health want an API key (header X-API-Key, or query parameter "
            "api_key) or an IAM signature.",
        )
        document: dict[str, Any] = json.loads(schema)
        if not whole:
            whole = document
            continue
        whole["paths"].update(document["paths"])
        schemas = whole["components"]["schemas"]
        for name, model in document["components"]["schemas"].items():
            if schemas.setdefault(name, model) != model:
                raise ValueError(f"two models of the API are named {name}")
    whole["components"].setdefault("securitySchemes", {}).update(
        {
            "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "apiKeyQuery": {"type": "apiKey", "in": "query", "name": "api_key"},
        }
    )
    for name in ("HTTPValidationError", "ValidationError"):  # of 422, which no route answers
        whole["components"]["schemas"].pop(name, None)
    for path, methods in whole["paths"].items():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["security"] = [] if path == "/health" else [{"apiKeyHeader": []}, {"apiKeyQuery": []}]
    return whole
