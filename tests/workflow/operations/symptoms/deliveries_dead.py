"""What docs/operations/symptoms/deliveries-dead.md shows."""

from __future__ import annotations

from tests.workflow.operations.symptoms.alerts_undelivered import sound

__all__ = ["sound"]
