"""What serves each site, for `GET /sites`: read as a forecast reads it. No pandas at import."""

from __future__ import annotations

from collections.abc import Sequence

from forecasting.forecasting_api.models import ServedSite
from ona.runtime import aws


def of_sites(customer_id: str, sites: Sequence[str]) -> list[ServedSite]:
    """Each site with the version that serves it or physics; a damaged version's stand-in, as a forecast."""
    if not sites:
        return []
    from forecasting.model import registry

    services = registry.services(aws.environment("OUTPUT_BUCKET"), customer_id, sites)
    return [
        ServedSite(
            site_id=site_id,
            model_version=service.version,
            model_since=service.since,
            model_reason=service.why,
            degraded=sorted(service.degraded),
        )
        for site_id, service in services.items()
    ]
