"""The routes: this hour's requests of the caller's customer, and that the platform answers."""

from __future__ import annotations

from access.account_api.models import HealthAnswer, QuotaAnswer, QuotaUsage
from ona.api.resolver import Api
from ona.runtime import aws

api = Api()
app = api.app


@api.route("GET", "/health", "That the API answers", "service", open_to_all=True)
def health() -> HealthAnswer:
    """No key needed."""
    data = {"status": "ok", "environment": aws.environment("ONA_ENVIRONMENT")}
    return api.success(data)


@api.route("GET", "/quota/usage", "This hour's requests", "service")
def quota_usage() -> QuotaAnswer:
    """Asking counts as a request too."""
    return api.success(QuotaUsage.of(app.context["usage"], api.caller.tier).model_dump())
