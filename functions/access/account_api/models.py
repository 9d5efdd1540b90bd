"""What the routes give, as models: they make the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from ona.api.callers import Usage
from ona.api.envelope import Envelope
from ona.documents.base import Document


class QuotaUsage(Document):
    """This hour's requests."""

    quota_limit: int
    quota_used: int
    quota_remaining: int
    reset_time: datetime
    tier: str

    @classmethod
    def of(cls, usage: Usage, tier: str) -> QuotaUsage:
        """An hour's count as the caller sees it: never more used than there is, never less than none left.

        >>> from datetime import UTC
        >>> over = QuotaUsage.of(Usage(1_001, 1_000, datetime(2025, 1, 15, 13, tzinfo=UTC)), "standard")
        >>> over.quota_used, over.quota_remaining
        (1000, 0)
        """
        return cls(
            quota_limit=usage.limit,
            quota_used=min(usage.used, usage.limit),
            quota_remaining=max(usage.limit - usage.used, 0),
            reset_time=usage.reset,
            tier=tier,
        )


class Features(Document):
    """What is switched on for a customer."""

    features: dict[str, bool] = Field(
        description="optional features by name; their configuration may say no"
    )


class Health(Document):
    """That the API answers."""

    status: Literal["ok", "maintenance"]
    environment: str


FeaturesAnswer = Envelope[Features]
QuotaAnswer = Envelope[QuotaUsage]
HealthAnswer = Envelope[Health]
