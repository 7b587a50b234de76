"""Data set listings: samples in columns, duplicates, and splits."""
