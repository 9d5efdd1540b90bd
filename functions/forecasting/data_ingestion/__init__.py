"""Uploads under `historical/` and `nowcast/`: read, checked as a whole, staged site by site."""
