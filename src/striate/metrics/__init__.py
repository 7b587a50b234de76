"""Metrics of predictions, with their intervals: arrays in, figures out; numpy only."""
