"""Optimizers, their update rules, schedules and the average of weights."""
