"""Anomaly: what good looks like is learned from good images alone, and what is unlike it found."""
