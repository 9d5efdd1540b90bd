"""moto's interpreter without what none of its states needs: a third of what a server's start costs.

Its task of AWS Batch takes one list of names from `moto.batch.utils`. The package around it loads Batch's
models, and with them EC2's: every instance type that AWS offers in every region. Nothing here runs on
Batch.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

HEAVY = "moto.batch"
"""The package whose parts are imported without itself."""


@contextlib.contextmanager
def without_batch() -> Iterator[None]:
    """Whoever imports a part of the package meanwhile gets that part alone; after it all is as it was."""
    spec = None if HEAVY in sys.modules else importlib.util.find_spec(HEAVY)
    if spec is None:
        yield
        return
    stand_in = ModuleType(HEAVY)
    stand_in.__path__ = list(spec.submodule_search_locations or ())
    sys.modules[HEAVY] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(HEAVY) is stand_in:
            del sys.modules[HEAVY]
