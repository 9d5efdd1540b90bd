"""Decide: who goes where, when, and what may wait."""
