"""Alerts: what is told to whom, and the alert log."""
