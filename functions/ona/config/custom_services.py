"""`configs/extensions/custom_services.yaml`: claims to an insurer."""

from __future__ import annotations

from pydantic import Field

from ona.config.fields import Address
from ona.config.files import ConfigFile
from ona.documents.base import Document


class InsuranceAutomation(Document):
    """Claims to an insurer for orders whose repair and lost production pass a threshold."""

    enabled: bool
    api_endpoint: Address
    api_key_parameter: str = Field(pattern=r"^/ona-platform/[a-z]+/insurance-api-key$")
    claim_threshold_usd: float = Field(ge=0)
    auto_submission: bool = Field(
        description="false: people are told what could be claimed, nothing is sent"
    )
    notification_email: str = Field(default="", pattern=r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$")

    def covers(self, at_stake_usd: float) -> bool:
        """Whether a claim is made for an order with so much at stake, USD."""
        return self.enabled and at_stake_usd >= self.claim_threshold_usd


class CustomServices(Document):
    """`configs/extensions/custom_services.yaml`."""

    insurance_automation: InsuranceAutomation


FILE = ConfigFile("extensions/custom_services.yaml", CustomServices)


def custom_services_config() -> CustomServices:
    """The content of `extensions/custom_services.yaml`. Raises InvalidConfiguration."""
    return FILE.read()
