"""Regression: numbers asked of an image."""
