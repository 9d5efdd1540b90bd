"""What docs/operations/performance.md shows: a file, and the report on it in the terminal and in files."""

from __future__ import annotations

from tests.workflow.operations.symptoms.dashboards import pictured as files
from tests.workflow.operations.symptoms.dashboards import sound

__all__ = ["files", "sound"]
