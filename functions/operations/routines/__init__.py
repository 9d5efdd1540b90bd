"""The routines of the day as a function: the same answers as `ona ops`, stored."""
