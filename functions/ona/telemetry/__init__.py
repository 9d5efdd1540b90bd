"""Taking in telemetry: readings, the fast and the strict CSV reader, vendors' exports."""
