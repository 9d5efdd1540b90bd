"""Who may pass the API's door."""
