"""How a line of the log is written: as JSON, with the correlation id, without secrets and addresses."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from ona.runtime import correlation
from ona.runtime.redaction import redacted


class Lines(LambdaPowertoolsFormatter):
    """Powertools' lines. `correlation_id` is the one of the thread that logs."""

    def serialize(self, log: Any) -> str:
        """A line's fields as JSON text, redacted."""
        fields = redacted(log)
        own = correlation.current()
        return super().serialize({**fields, correlation.KEY: own} if own else fields)
