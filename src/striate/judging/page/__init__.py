"""The report: one HTML page with curves, pictures and remarks, which loads nothing."""
