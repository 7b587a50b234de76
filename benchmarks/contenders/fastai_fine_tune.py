"""fastai's first recipe for photographs: a vision_learner and its `fine_tune(1)`.

Its own weights cannot be had without a download: those of the file are put into the same body. As
its tutorial has it: images resized to 224 pixels, batches of 64, its own head, first that alone
for an epoch, then all for one.
"""

from __future__ import annotations

import networks
from contender import Clock, Task, parse, report
from fast_ai import Phases
from fastai.vision.all import (
    ImageDataLoaders,
    Normalize,
    Resize,
    accuracy,
    error_rate,
    get_image_files,
    set_seed,
    vision_learner,
)

HALF = [0.5] * 3


def main(task: Task, clock: Clock) -> None:
    clock.phase("import")
    set_seed(task.seed)
    loaders = ImageDataLoaders.from_folder(
        task.folder,
        train="train",
        valid="validation",
        item_tfms=Resize(224),
        batch_tfms=Normalize.from_stats(HALF, HALF, cuda=False),
    )
    name = f"tf_{task.network}"
    learner = vision_learner(
        loaders, name, pretrained=False, metrics=[error_rate, accuracy], cbs=Phases(clock)
    )
    learner.model[0].model.load_state_dict(networks.without("classifier.", task.weights))
    clock.phase("prepare")
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(task.epochs)
        test = loaders.test_dl(get_image_files(task.folder / "test"), with_labels=True)
        share = float(learner.validate(dl=test)[-1])
    clock.phase("test")
    n = len(test.dataset)
    report(
        clock,
        images=len(loaders.train_ds),
        correct=round(share * n),
        n=n,
        params=networks.count(learner.model),
        packages=("fastai", "torch", "timm"),
        recipe=f"vision_learner, fine_tune({task.epochs})",
    )


if __name__ == "__main__":
    main(parse(), Clock())
