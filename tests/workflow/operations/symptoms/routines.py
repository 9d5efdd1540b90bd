"""What docs/operations/routines.md shows: a routine that a person starts."""

from __future__ import annotations

from tests.workflow.operations.symptoms.weekly import sound

__all__ = ["sound"]
