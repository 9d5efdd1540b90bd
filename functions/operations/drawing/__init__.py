"""Charts of what was measured: series over time, bars, and lines of text for a terminal."""
