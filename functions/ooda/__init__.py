"""The loop: observe (detect), orient (diagnose), decide (schedule), act (order), and its API."""
