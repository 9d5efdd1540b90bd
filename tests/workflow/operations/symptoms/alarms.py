"""What docs/operations/alarms.md shows: Detect fails, and its workflow with it."""

from tests.workflow.operations.symptoms.function_errors import detect_fails

__all__ = ["detect_fails"]
