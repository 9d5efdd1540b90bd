"""What the server of an embedded cloud is told by its environment."""

from __future__ import annotations

import os
from pathlib import Path

from local.record import REGION


def account_concurrency() -> int:
    """Lambda's quota of concurrent executions: ONA_LOCAL_CONCURRENCY, by default AWS's 1 000."""
    return max(1, int(os.environ.get("ONA_LOCAL_CONCURRENCY") or 1000))


def environment(home: Path, keep_state: bool) -> dict[str, str]:
    """The server's environment: ours without the variables of AWS and of tests, and its own settings."""
    ours = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("AWS_", "PYTEST_", "COV_")) and key != "PYTHONPATH"
    }
    persist = "1" if keep_state else "0"
    return ours | {
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "TMPDIR": str(home / "tmp"),
        "STATE_DIR": str(home / "state"),
        "S3_DATA_DIR": str(home / "s3"),
        "PERSIST_STATE": persist,
        "S3_PERSIST": persist,
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "LAMBDA_WARM_TTL_SECONDS": "600",
        "LAMBDA_ACCOUNT_CONCURRENCY": str(account_concurrency()),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
