"""The same training in a container, for datasets that pass a function's time: all windows, then the model.

Environment: ONA_CUSTOMER, ONA_VERSION, ONA_FOLDS (how many), OUTPUT_BUCKET, ONA_CONFIG_DIR. Exits with 1
and the reason on standard error when a step fails; run again it writes the same objects.
"""

from __future__ import annotations

import sys

from forecasting.global_training_service.handler import run
from ona.runtime import aws
from ona.runtime.errors import OnaError
from ona.runtime.redaction import redacted


def main() -> int:
    """Train all windows, then the model; the exit status: 0 when all is done, 1 when a step failed."""
    common = {
        "customer_id": aws.environment("ONA_CUSTOMER"),
        "version": aws.environment("ONA_VERSION"),
    }
    bucket = aws.environment("OUTPUT_BUCKET")
    try:
        for number in range(int(aws.environment("ONA_FOLDS"))):
            print(run({"task": "fold", "fold": number, **common}, bucket), flush=True)
        print(run({"task": "train", **common}, bucket), flush=True)
    except OnaError as error:
        print(redacted(f"{type(error).__name__}: {error}"), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
