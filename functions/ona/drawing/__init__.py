"""Drawings: a few shapes, written as SVG or as a page of a PDF. No library: see decision 50."""
