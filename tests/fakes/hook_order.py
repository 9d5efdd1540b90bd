"""Installs all hooks and prints, as JSON, which private names were taken and replaced, by whom, in order.

A process of its own: the hooks change ministack and moto for good. Argument: a folder for the home.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from local.hooks import base

STEPS: list[tuple[str, str, str]] = []
"""What was done (`private` or `replace`), the name, the module that did it."""


def _asker() -> str:
    frame = sys._getframe(2)
    return str(frame.f_globals["__name__"])


def _full(owner: Any, name: str) -> str:
    where = f"{owner.__module__}.{owner.__qualname__}" if isinstance(owner, type) else owner.__name__
    return f"{where}.{name}"


def main(home: Path) -> None:
    """Install under observation."""
    os.environ |= {"PERSIST_STATE": "1", "STATE_DIR": str(home / "state"), "S3_DATA_DIR": str(home / "s3")}
    from local import hooks

    take, put = base.private, base.replace

    def private(owner: Any, name: str) -> Any:
        STEPS.append(("private", _full(owner, name), _asker()))
        return take(owner, name)

    def replace(owner: Any, name: str, value: Any) -> Any:
        STEPS.append(("replace", _full(owner, name), _asker()))
        return put(owner, name, value)

    for module in list(sys.modules.values()):
        for name, original, observed in (("private", take, private), ("replace", put, replace)):
            if getattr(module, name, None) is original and module is not base:
                setattr(module, name, observed)
    hooks.install()
    print(json.dumps(STEPS))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
