"""The shared kernel: payload models, telemetry, configuration, storage, errors.

It imports no function's folder, ever (see `docs/decisions/0001-layout.md`).
"""

VERSION = "0.1.0"
