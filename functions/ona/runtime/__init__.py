"""What every function stands on: AWS clients, errors, clock, logs, processes, HTTP out, identity."""
