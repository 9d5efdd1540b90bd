"""What every caller may ask of their own account, and of the platform: `/quota/usage` and `/health`."""
