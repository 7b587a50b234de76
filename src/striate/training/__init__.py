"""How a network learns: recipe, step, loop, checkpoints and the folder of a run."""
