"""The forecasting model: what it sees, how it is trained, kept, calibrated and scored."""
