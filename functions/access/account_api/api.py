"""The routes: this hour's requests of the caller's customer, its features, that the platform answers."""

from __future__ import annotations

from access.account_api.models import Features, FeaturesAnswer, HealthAnswer, QuotaAnswer, QuotaUsage
from ona.api.resolver import Api
from ona.config import flags
from ona.runtime import aws

api = Api()
app = api.app
NO_FEATURES = ("maintenance_mode", "enable_new_api_endpoint")
"""Flags that are no feature of a customer's."""


@api.route("GET", "/health", "That the API answers", "service", open_to_all=True)
def health() -> HealthAnswer:
    """No key needed."""
    status = "maintenance" if flags.enabled("maintenance_mode") else "ok"
    data = {"status": status, "environment": aws.environment("ONA_ENVIRONMENT")}
    return api.success(data)


@api.route("GET", "/quota/usage", "This hour's requests", "service")
def quota_usage() -> QuotaAnswer:
    """Asking counts as a request too."""
    return api.success(QuotaUsage.of(app.context["usage"], api.caller.tier).model_dump())


@api.route(
    "GET", "/features", "What is switched on for the caller", "service", behind="enable_new_api_endpoint"
)
def features() -> FeaturesAnswer:
    """Which optional features of the platform are open to the caller's customer."""
    customer = api.caller.customer_id
    names = [name for name in flags.flags_config() if name not in NO_FEATURES]
    data = Features(features={name: flags.enabled(name, customer) for name in names})
    return api.success(data.model_dump())
