"""Training: put a dataset together, judge a candidate on unseen days, promote it or keep the old model."""
