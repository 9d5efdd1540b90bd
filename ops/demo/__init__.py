"""`make demo`: a fleet, its faults, the loop, and a report of what was found against what was there."""
