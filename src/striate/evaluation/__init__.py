"""Evaluation of a classifier: metrics with confidence intervals, and the HTML report.

From low to high level: `metrics`, `scores`, `evaluation`, `evaluate`, `report`, `write_report`.
"""
