"""Evaluation of a trained model on a folder, and the HTML report.

From low to high level: `known`, `evaluate`, `curves`, `remarks`, `views`, `report`, `write_report`.
"""
