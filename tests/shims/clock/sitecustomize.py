"""A clock that can be set forward, and timers that look soon: put this folder on PYTHONPATH.

It stands outside the embedded cloud and replaces functions of `time` in its process. Variables:

CLOCK_FILE: a file with so many seconds as the clock is ahead.

What looks every 10 s whether something is due looks every 0.1 s.
"""

import os
import time

_time, _sleep = time.time, time.sleep
_FILE = os.environ.get("CLOCK_FILE", "")


def _ahead():
    try:
        with open(_FILE) as file:
            return float(file.read())
    except (OSError, ValueError):
        return 0.0


time.time = lambda: _time() + _ahead()
time.sleep = lambda seconds: _sleep(0.1 if seconds == 10 else seconds)
