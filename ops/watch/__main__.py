"""`make watch`: writes the stack of alarms and the catalogue; `--check` ends with 1 when they are stale."""

from __future__ import annotations

import sys

from local.cloud import ROOT
from ona.runtime.errors import InvalidConfiguration
from ops.watch.write import outputs


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    try:
        wanted = outputs(ROOT)
    except (ValueError, InvalidConfiguration) as error:
        print(error, file=sys.stderr)
        return 1
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: run `make watch`", file=sys.stderr)
        return int(bool(stale))
    for path in stale:
        path.write_text(wanted[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
