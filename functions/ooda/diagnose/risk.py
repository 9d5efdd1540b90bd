"""Energy at Risk: what a fault will cost if nothing is done, with an interval.

    EAR(H) = Σ_d E_d · s · (1 + g)^d        over the days d of the horizon H

E_d is the expected energy of a day, kWh: the platform's forecast of it where there is one, else what the
asset's own recent days promised. s is the share lost to the fault, g its growth a day (`causes.yaml`). The
interval comes from resampling the days and the hourly residuals of healthy hours together: 1 000 draws,
fixed seed, 80 % between its ends. Plain Python: so little arithmetic does not carry NumPy into the
function's package.

>>> risk = energy_at_risk(daily_expected_kwh=[100.0], loss_share=0.5, residual_shares=[],
...     growth_percent_per_day=0.0, tariff_usd_per_kwh=0.2, lost_so_far_kwh=0.0)
>>> [(horizon.hours, horizon.loss_usd) for horizon in risk.horizons]
[(24, 10.0), (72, 30.0), (168, 70.0)]
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from statistics import fmean, quantiles

from ona.documents.findings import ConfidenceInterval, EnergyAtRisk, RiskHorizon

HORIZONS_H = (24, 72, 168)
"""Hours: one, three and seven days."""
DRAWS = 1000
"""Resamplings, for the interval."""
HOURS_A_DAY = 8
"""Daylight hours, whose noise averages out within a day."""


def energy_at_risk(
    *,
    daily_expected_kwh: list[float],
    loss_share: float,
    residual_shares: list[float],
    growth_percent_per_day: float,
    tariff_usd_per_kwh: float,
    lost_so_far_kwh: float,
    coming_kwh: Sequence[float | None] = (),
    seed: int = 42,
) -> EnergyAtRisk:
    """Energy at Risk for 24, 72 and 168 h.

    `loss_share` is of a whole day's expected energy; `coming_kwh` the forecast of the days to come, the
    next one first. With an empty `daily_expected_kwh` the risk is zero.
    Deterministic for a seed.
    """
    random = Random(seed)
    days = daily_expected_kwh or [0.0]
    # only the spread of healthy hours is noise; their mean is what the asset always does
    bias = fmean(residual_shares or [0.0])
    noise = [value - bias for value in residual_shares] or [0.0]
    longest = max(HORIZONS_H) // 24
    growth = [(1.0 + growth_percent_per_day / 100.0) ** day for day in range(longest)]
    usual = fmean(days)
    forecast = [*coming_kwh, *[None] * longest][:longest]
    due = [usual if energy is None else energy for energy in forecast]
    centre = list(
        accumulate(e * _share(loss_share * factor) for e, factor in zip(due, growth, strict=True))
    )
    draws = []
    for _ in range(DRAWS):
        day = (
            (random.choice(days) if energy is None else energy)
            * _share((loss_share + fmean(random.choices(noise, k=HOURS_A_DAY))) * factor)
            for energy, factor in zip(forecast, growth, strict=True)
        )
        draws.append(list(accumulate(day)))
    horizons = []
    for hours in HORIZONS_H:
        index = hours // 24 - 1
        total = centre[index]
        deciles = quantiles([draw[index] for draw in draws], n=10)
        horizons.append(
            RiskHorizon(
                hours=hours,
                loss_kwh=round(total, 2),
                loss_usd=round(total * tariff_usd_per_kwh, 2),
                confidence_interval=ConfidenceInterval(
                    lower=round(min(deciles[0], total), 2), upper=round(max(deciles[-1], total), 2)
                ),
            )
        )
    first = horizons[0]
    return EnergyAtRisk(
        daily_loss_kwh=first.loss_kwh,
        daily_loss_usd=first.loss_usd,
        confidence_interval=first.confidence_interval,
        horizons=horizons,
        growth_percent_per_day=growth_percent_per_day,
        lost_so_far_kwh=round(lost_so_far_kwh, 2),
        lost_so_far_usd=round(lost_so_far_kwh * tariff_usd_per_kwh, 2),
        daily_expected_kwh=round(due[0], 2),
        forecast_days=sum(energy is not None for energy in forecast),
    )


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)
