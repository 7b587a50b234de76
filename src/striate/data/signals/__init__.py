"""Signals: rows of numbers (L, C), from files and arrays to the input of a network."""
