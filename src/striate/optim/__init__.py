"""Optimizers, update rules, learning-rate schedules and EMA of the weights."""
