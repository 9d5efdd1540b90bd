"""Forecasting: uploads, gaps filled with weather, training, and forecasts with intervals."""
