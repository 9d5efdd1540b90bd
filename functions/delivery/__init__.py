"""Delivery: telling people and other systems; the only family that sends anything."""
