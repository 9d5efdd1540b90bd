"""The only function that talks to weather providers: refreshes forecasts, fetches history for uploads."""
