"""The routes: this hour's requests of the caller's customer, and that the platform answers."""

from __future__ import annotations

import os

from access.account_api.models import HealthAnswer, QuotaAnswer, QuotaUsage
from ona.api.resolver import Api

api = Api()
app = api.app


@app.get("/health", summary="That the API answers", tags=["service"])
def health() -> HealthAnswer:
    """No key needed."""
    data = {"status": "ok", "environment": os.environ.get("ONA_ENVIRONMENT", "dev")}
    return api.success(data)


@api.route("GET", "/quota/usage", "This hour's requests", "service")
def quota_usage() -> QuotaAnswer:
    """Asking counts as a request too."""
    return api.success(QuotaUsage.of(app.context["usage"], api.caller.tier).model_dump())
