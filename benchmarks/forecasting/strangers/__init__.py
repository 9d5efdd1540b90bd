"""Forecasts for strangers: places, skies, plants and weather forecasts of our own making.

`python -m benchmarks.forecasting.strangers --help`. Sun, clear sky, clouds, modules,
inverters and the errors of the weather forecast are written anew here, from other sources than those of
`functions/`; nothing is shared with them.
"""
