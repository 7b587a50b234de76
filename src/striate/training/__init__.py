"""Training: recipe, step, loop, checkpoints and the run folder."""
