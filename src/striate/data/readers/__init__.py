"""Readers, one per data set layout."""
