"""Where the family operations keeps its documents; all in the output bucket."""

from __future__ import annotations

from ona.store.layout import KeyShape

STOP = KeyShape("operations/stops/{stop_id}.json")
"""A stop of the platform: what was turned off, with what it was before."""
