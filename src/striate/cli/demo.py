"""`striate demo`."""

from __future__ import annotations

import io
from importlib.resources import as_file, files
from pathlib import Path

import click

from striate.cli import predict, train
from striate.cli.command import FILE, VerbCommand, as_json
from striate.errors import printable

_EXAMPLES = 6


@click.command("demo", cls=VerbCommand)
@click.option(
    "--out",
    type=FILE,
    default=Path("runs/demo"),
    help="Folder of the run; a number is added if it exists.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="NUMBER",
    default=0,
    help="Seed of weights, order and augmentation.",
)
@as_json
def command(out: Path, seed: int, as_json: bool) -> int:
    """Train LeNet-5 on 5,000 digits, evaluate it, predict some.

    Takes less than a minute on two cores. Example: striate demo
    """
    with as_file(files("striate.data") / "samples" / "digits.npz") as digits:
        options = {"network": "lenet5", "out": out, "seed": seed}
        folder, code = train.run_training(digits, options=options, as_json=as_json)
        if code:
            return code
        images = _examples(digits, folder)
    if as_json:
        return 0
    click.echo(f"\nsix test images, as files in {printable(str(images))}:")
    predict.print_predictions(folder, [images], options={"top": 2})
    click.echo(
        f"\nlook at the report:  {printable(str(folder))}/report.html\n"
        "then try your own:   striate check PHOTOS   (a folder of images for each class)\n"
        "                     striate train PHOTOS"
    )
    return 0


def _examples(digits: Path, folder: Path) -> Path:
    """Write some test images into the run folder, named by class."""
    from PIL import Image

    from striate import storage
    from striate.data.readers.scan import scan
    from striate.training.run import Run

    listing = scan(digits)
    assert listing.arrays is not None
    rows = {sample.path: row for row, sample in enumerate(listing.samples)}
    images = storage.make_folder(folder / "images")
    tested = [entry for entry in Run.open(folder).samples() if entry["split"] == "test"]
    for entry in tested[:: len(tested) // _EXAMPLES][:_EXAMPLES]:
        row = rows[entry["path"]]
        name = f"{entry['class']}-{row}.png"
        content = io.BytesIO()
        Image.fromarray(listing.arrays[row].squeeze(-1)).save(content, "png")
        storage.write(images / name, content.getvalue())
    return images
