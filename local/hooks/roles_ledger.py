"""Roles: what was decided, counted by role, action and resource, in the home's `roles.json`.

An allowed call is counted under the pattern of the statement that allowed it, so that the file stays small
however many objects there are. A denied call is counted under its resource. What was judged beside a call,
as the right to list for a GET of an object that is not there, is counted there too, and once more under
`beside`: nobody made that call.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from local.state.files import read_file

FILE = "roles.json"
"""In the home's folder; `ona roles` reads it."""
SAVE_SECONDS = 2.0
"""Seconds between two looks whether there is something new to write (ours)."""
_DENIED_AT_MOST = 2000
"""So many different denials are kept; more are counted only in all (ours)."""
_TIMED = 5000
"""The last so many checks give the median time (ours)."""

Key = tuple[str, str, str]
"""The role or service, the action, the resource or its pattern."""


@dataclass
class Ledger:
    """The counts, safe for threads."""

    allowed: Counter[Key] = field(default_factory=Counter)
    denied: Counter[Key] = field(default_factory=Counter)
    beside: Counter[Key] = field(default_factory=Counter)
    _times_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_TIMED))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _changed: bool = False

    def record(
        self, who: str, action: str, resource: str, *, allowed: bool, beside: bool = False, ms: float = 0.0
    ) -> None:
        """Count one decision that took `ms` milliseconds; `beside`: no call of its own asked for it."""
        key = (who, action, resource)
        with self._lock:
            if allowed:
                self.allowed[key] += 1
                self.beside[key] += beside
            elif key in self.denied or len(self.denied) < _DENIED_AT_MOST:
                self.denied[key] += 1
            else:
                self.denied[(who, action, "…")] += 1
            if ms:
                self._times_ms.append(ms)
            self._changed = True

    def load(self, path: Path) -> None:
        """Go on from the counts in a file; one that cannot be read counts as empty."""
        try:
            stored = json.loads(read_file(path))
            for counter, name in (
                (self.allowed, "allowed"),
                (self.denied, "denied"),
                (self.beside, "beside"),
            ):
                counter.update({(who, what, on): int(n) for who, what, on, n in stored.get(name, [])})
        except (OSError, ValueError, AttributeError, TypeError):
            return

    def save(self, path: Path) -> None:
        """Write the counts when they changed; a home that cannot be written is left alone."""
        with self._lock:
            if not self._changed:
                return
            self._changed = False
            document = {
                "calls": sum(self.allowed.values()) + sum(self.denied.values()),
                "median_ms": round(median(self._times_ms), 3) if self._times_ms else None,
                "allowed": [[*key, n] for key, n in sorted(self.allowed.items())],
                "denied": [[*key, n] for key, n in sorted(self.denied.items())],
                "beside": [[*key, n] for key, n in sorted(self.beside.items()) if n],
            }
        fresh = path.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(document, indent=0))
            os.replace(fresh, path)
        except OSError:
            return


LEDGER = Ledger()


def keep(path: Path) -> None:
    """Load the counts of a home, and write them again whenever they changed."""
    LEDGER.load(path)

    def saving() -> None:
        while True:
            time.sleep(SAVE_SECONDS)
            LEDGER.save(path)

    atexit.register(LEDGER.save, path)
    threading.Thread(target=saving, name="ona-roles", daemon=True).start()
