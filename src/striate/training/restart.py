"""torchrun starts all processes anew when one was killed: they go on with the run begun before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from striate import storage
from striate.distributed.launch import Place
from striate.options import TrainOptions
from striate.training.run import Run


def job(place: Place, photos: Path, options: TrainOptions) -> dict[str, Any]:
    """What tells the run of a restarted training from others; empty without torchrun."""
    if not place.job:
        return {}
    return {"job": place.job, "photos": str(photos), "asked": options.model_dump(mode="json")}


def begun(place: Place, photos: Path, options: TrainOptions) -> Path | None:
    """The folder of the run that this job has begun with these options, if it has."""
    wanted = job(place, photos, options)
    home = options.out.parent if options.out else storage.beside(Path("runs"), photos)
    for folder in sorted(home.iterdir()) if wanted and home.is_dir() else ():
        run = Run(folder)
        try:
            if run.options_file.is_file() and run.read_json(run.job_file.name) == wanted:
                return folder
        except OSError:  # no job, no run of ours, or one that cannot be read
            continue
    return None
