"""What CloudWatch makes of an alarm: data points, missing data, sums over metrics. Pure."""
