"""Python's garbage collector, and what it need not look at.

The collector looks at all objects again and again. While modules are imported there are hundreds of
thousands, and none is garbage: that took a sixth of the time. Later each look at all of them stopped a warm
function for 60 ms or more, at every tenth request or so.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing(module: str) -> Iterator[None]:
    """Let the collector rest while this module and all that it needs are imported, also in other threads.

    What is in memory at the end is never looked at again (`gc.freeze`); it is still freed once nobody
    refers to it. Does nothing where the module is there already.
    """
    if module in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
