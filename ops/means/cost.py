"""Usage times list prices: what a day costs, by family, by function, for each thing it brought. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from ops.means.prices import Prices
from ops.means.usage import Counts, Usage


@dataclass(frozen=True)
class Line:
    """One use with its price: USD of the day."""

    family: str
    by: str
    what: str
    amount: float
    usd: float
    assumed: bool


@dataclass(frozen=True)
class Cost:
    """A day's cost, line by line."""

    lines: list[Line]
    counts: Counts

    @property
    def usd(self) -> float:
        """USD of the whole day."""
        return sum(line.usd for line in self.lines)

    @property
    def assumed_usd(self) -> float:
        """USD of it that stand on prices which nobody looked up."""
        return sum(line.usd for line in self.lines if line.assumed)

    def by(self, key: Callable[[Line], tuple[str, ...]]) -> dict[tuple[str, ...], float]:
        """USD summed by a key of the lines, the dearest first."""
        sums: dict[tuple[str, ...], float] = defaultdict(float)
        for line in self.lines:
            sums[key(line)] += line.usd
        return dict(sorted(sums.items(), key=lambda item: -item[1]))

    def of_families(self, *families: str) -> float:
        """USD of these families together."""
        return sum(line.usd for line in self.lines if line.family in families)

    @property
    def each(self) -> dict[str, float | None]:
        """USD for one thing of each kind; None on a day that brought none of them.

        A file and an order bear what the loop and its messages cost, a forecast what forecasting costs, an
        asset bears all, also what stands.
        """
        loop = self.of_families("ooda", "delivery")
        return {
            "file": _each(loop, self.counts.files),
            "asset": _each(self.usd, self.counts.assets),
            "order": _each(loop, self.counts.orders),
            "forecast": _each(self.of_families("forecasting", "forecast_training"), self.counts.forecasts),
        }


def _each(usd: float, count: int) -> float | None:
    return usd / count if count else None


def cost(usage: Usage, prices: Prices, region: str) -> Cost:
    """What the usage costs in a region. Raises InvalidConfiguration, which names a price that is missing.

    >>> from ops.means.usage import Use
    >>> book = Prices.read({"day": "2026-11-28", "regions": {"r": {
    ...     "lambda_request": {"usd": 0.5, "assumed": "round"}}}})
    >>> cost(Usage([Use("ooda", "detect", "lambda_request", 3)], Counts(orders=2)), book, "r").each["order"]
    0.75
    """
    lines = []
    for use in usage.uses:
        price = prices.of(region, use.what)
        usd = use.amount * price.usd
        lines.append(Line(use.family, use.by, use.what, use.amount, usd, bool(price.assumed)))
    return Cost(lines, usage.counts)
