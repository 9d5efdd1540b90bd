"""The diagnostic of one asset: its findings, and where it is going. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ona.config.causes import CauseRule
from ona.documents.assets import Asset
from ona.documents.base import S3Pointer
from ona.runtime.identity import digest
from ooda.config.loss_function import Thresholds
from ooda.config.trends import TrendRules
from ooda.diagnose.findings import SENSOR, findings_of
from ooda.diagnose.trends import trend
from ooda.documents.asset_history import AssetHistory
from ooda.documents.detections import AssetDetection
from ooda.documents.diagnostics import Diagnostic


@dataclass(frozen=True)
class Rules:
    """What an operator sets: causes by name, the limits of the risk classes, the trend's numbers."""

    causes: dict[str, CauseRule]
    limits: Thresholds
    trends: TrendRules


@dataclass(frozen=True)
class AssetInput:
    """One asset to diagnose: what Detect saw of it, its history (None before its first file), and the
    forecast energy of the coming days, kWh, the next day first."""

    detection: AssetDetection
    asset: Asset
    history: AssetHistory | None
    coming_kwh: Sequence[float | None]


def needs_diagnosis(detection: AssetDetection) -> bool:
    """Whether an asset has an actionable incident, or data that blind us."""
    blind = any(issue.blinding for issue in detection.quality.issues)
    return blind or any(incident.actionable for incident in detection.incidents)


def diagnose_asset(
    item: AssetInput, rules: Rules, *, record: S3Pointer, detection_id: str, now: datetime
) -> Diagnostic:
    """One asset's diagnostic; `record`: where the detection record lies, `detection_id`: its id.

    Its id is the same for the same record and asset.
    """
    return Diagnostic(
        diagnostic_id=f"diag-{digest(detection_id, item.asset.id)}",
        asset_id=item.asset.id,
        analysis_timestamp=now,
        detection=record,
        findings=findings_of(
            item.detection,
            item.asset,
            now=now,
            causes=rules.causes,
            limits=rules.limits,
            coming_kwh=item.coming_kwh,
        ),
        trend_analysis=trend(item.detection, item.history, item.asset, now, rules.trends),
    )


def told_once(diagnostic: Diagnostic, told: set[str]) -> Diagnostic:
    """The diagnostic without findings of a sensor that another machine of the record `told` of already;
    its own are entered there."""
    kept = [item for item in diagnostic.findings if item.finding_key not in told]
    told.update(item.finding_key for item in kept if item.finding_key.startswith(SENSOR))
    return diagnostic.model_copy(update={"findings": kept})
