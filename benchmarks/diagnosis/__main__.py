"""Causes of known incidents: what is named, and whether its probability can be believed.

    python -m benchmarks.diagnosis [--tuning]

By default the plants that the table was not tuned on. Seeded; two processes.
"""

from __future__ import annotations

import sys

from benchmarks.diagnosis.cases import all_known
from benchmarks.diagnosis.report import report


def main() -> None:
    cases = all_known("--tuning" in sys.argv)
    print(f"{len(cases)} cases, {sum(case.incident is None for case in cases)} of them not found")
    report(cases)


if __name__ == "__main__":
    main()
