"""The embedded cloud's error."""

from __future__ import annotations


class CloudError(RuntimeError):
    """The embedded cloud cannot be started or reached; the text says why and what to do."""
