"""`make demo`: a fleet with injected faults, the loop over it, and a report of both beside each other."""
