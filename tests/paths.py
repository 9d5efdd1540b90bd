"""Where the checkout lies: tests read its configuration, templates and samples."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
