"""Repairs: orders, crews and their calendars, parts, and what repairs really took."""
