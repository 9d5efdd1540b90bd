"""DynamoDB: how many units a provisioned table has at hand. Arithmetic on `local.clock`, like the alarms'.

A table has its units each second, and keeps what was not used of the last 300 seconds. A call passes while
a second's units are at hand, or all that it needs, if that is less: what it takes beyond, those after it
wait for. So nothing waits for ever, whatever it costs. A new table has what its age has saved.

Not acted out: a table's partitions (1 000 write and 3 000 read units a second each), and what AWS may take
of the saved units for its own maintenance.
Sources: Amazon DynamoDB Developer Guide, "DynamoDB burst and adaptive capacity", "DynamoDB provisioned
capacity mode".
"""

from __future__ import annotations

from dataclasses import dataclass

SAVED_S = 300
"""So many seconds' unused units are kept."""
_ALMOST = 1e-9


@dataclass
class Bucket:
    """The units of one kind, of one table or index."""

    rate: float
    """Units a second."""
    at: float
    """When `held` was right, seconds since 1970."""
    held: float

    @classmethod
    def new(cls, rate: float, age_s: float, now: float) -> Bucket:
        """A table or index of this age, unused so far.

        >>> Bucket.new(5, 0, 100.0).held, Bucket.new(5, 60, 100.0).held, Bucket.new(5, 1e6, 100.0).held
        (5, 300, 1500)
        """
        return cls(rate, now, rate * min(SAVED_S, max(1, age_s)))

    def saves(self, rate: float, now: float) -> None:
        """Time has passed at the rate of before; from now on the rate is this one.

        >>> bucket = Bucket(5, 100.0, 0)
        >>> bucket.saves(10, 102.0)
        >>> bucket.held, bucket.rate
        (10.0, 10)
        """
        self.held = min(rate * SAVED_S, self.held + self.rate * max(0.0, now - self.at))
        self.rate, self.at = rate, max(now, self.at)

    def has(self, units: float) -> bool:
        """Whether a call that costs so much passes.

        >>> Bucket(1, 0, 1).has(1), Bucket(1, 0, 0.5).has(1), Bucket(1, 0, 1).has(9), Bucket(5, 0, 4).has(5)
        (True, False, True, False)
        """
        return self.held + _ALMOST >= min(units, self.rate)

    def take(self, units: float) -> None:
        """It passed."""
        self.held -= units
