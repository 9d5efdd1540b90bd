"""The API, and the forecasts behind it."""
