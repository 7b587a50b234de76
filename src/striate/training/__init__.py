"""How a network learns: recipe, loop, checkpoints and the folder of a run."""
