"""What Diagnose tells CloudWatch: a metric and a log line a finding."""

from __future__ import annotations

from ona.runtime.metric_table import ENERGY_AT_RISK
from ona.runtime.observability import logger, measure
from ooda.documents.diagnostics import Diagnostic


def findings(diagnostic: Diagnostic) -> None:
    """Metric: energy at risk, USD a day, by class of risk. Log: what was diagnosed, how severe."""
    for finding in diagnostic.findings:
        measure(ENERGY_AT_RISK, finding.energy_at_risk.daily_loss_usd, RiskCategory=finding.risk_class)
        logger.info(
            "fault diagnosed",
            asset_id=diagnostic.asset_id,
            category=finding.category,
            subcategory=finding.subcategory,
            severity=finding.severity,
            daily_loss_usd=finding.energy_at_risk.daily_loss_usd,
        )
