"""Forecasting benchmarks."""
