"""What Diagnose tells CloudWatch: a metric and a log line a finding."""

from __future__ import annotations

from ona.runtime.observability import count, logger
from ooda.documents.diagnostics import Diagnostic


def findings(diagnostic: Diagnostic) -> None:
    """Metric: energy at risk, USD a day. Log: what was diagnosed, and how severe it is."""
    for finding in diagnostic.findings:
        count("EnergyAtRiskUsdPerDay", finding.energy_at_risk.daily_loss_usd)
        logger.info(
            "fault diagnosed",
            asset_id=diagnostic.asset_id,
            category=finding.category,
            subcategory=finding.subcategory,
            severity=finding.severity,
            daily_loss_usd=finding.energy_at_risk.daily_loss_usd,
        )
