"""`python -m ops.conformance`: 1 when AWS would refuse something, or something can never work."""

import sys

from local.cloud import ROOT
from ops.conformance import suite


def main() -> int:
    """Print every finding."""
    found = suite.check(ROOT / "template.yaml")
    for item in found:
        print(item)
    if not found:
        print("every state machine and its role fit, under every combination of conditions")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
