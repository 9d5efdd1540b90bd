"""The forecasting model: its features, how it is trained, stored, calibrated and scored."""
