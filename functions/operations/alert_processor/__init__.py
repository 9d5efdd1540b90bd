"""AlertProcessor: one event in, a decision on one alert out."""
