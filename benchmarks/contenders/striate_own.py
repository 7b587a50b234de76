"""striate with the recipe that reaches what the others do sooner: here, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

from contender import Clock, parse
from striate_train import main

MUON = ("--optimizer", "muon", "--learning-rate")
#: of each network: epochs, batch and the options of `striate train` that differ
OWN: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "lenet5": (3, 128, (*MUON, "0.07", "--warmup", "0.05", "--label-smoothing", "0.1")),
    "resnet20": (3, 128, (*MUON, "0.05", "--warmup", "0.05")),
}

if __name__ == "__main__":
    task = parse()
    epochs, batch, options = OWN[task.network]
    recipe = f"{epochs} epochs, batch {batch}, {' '.join(options)}"
    main(replace(task, epochs=epochs, batch=batch), Clock(), options, recipe)
