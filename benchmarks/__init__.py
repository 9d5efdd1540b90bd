"""Accuracy and speed, printed as tables; nothing here asserts a time."""
