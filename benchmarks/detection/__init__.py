"""Evidence for detection and diagnosis: faults, data quality, speed."""
