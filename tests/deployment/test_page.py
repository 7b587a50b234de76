"""The page beside an exported model, in a browser: it answers as the file does, and asks nobody."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.deployment.body import trace_body
from striate.deployment.onnx_file import assemble
from striate.deployment.page import read_runtime, write_page
from striate.deployment.target import Contents
from striate.onnx_model import OnnxModel, load_onnx
from tests import chromium
from tests.deployment.test_heads import HEADS, NAMES, made

#: where `make` installs it
PACKAGE = Path(sys.prefix, "node_modules", "onnxruntime-web")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not chromium.BROWSER, reason="no Chromium on this machine opens the page"),
    pytest.mark.skipif(not PACKAGE.is_dir(), reason=f"onnxruntime-web is not in {PACKAGE.parent}"),
]
WAIT = "new Promise(done => { const look = () => %s ? done() : setTimeout(look, 50); look(); })"
READ = """[...document.querySelectorAll('section')].map(section => [
  section.querySelector('h2').textContent,
  [...section.querySelectorAll('li')].map(row => [
    row.querySelector('bdi').textContent, Number(row.querySelector('data').value)])])"""
#: what the rows of an answer show of what is decoded, in which a number follows a name
SHOWN = {
    "classification": lambda decoded: sorted(zip(decoded, NAMES, strict=True), reverse=True),
    "multilabel": lambda decoded: sorted(zip(decoded, NAMES, strict=True), reverse=True),
    "regression": lambda decoded: list(zip(decoded, NAMES, strict=True)),
    "segmentation": lambda decoded: sorted(
        ((float(np.mean(decoded == k)), name) for k, name in enumerate(NAMES)), reverse=True
    ),
    "detection": lambda decoded: [
        (share, NAMES[int(k)]) for *_, share, k in decoded if k >= 0 and share >= 0.5
    ],
    "embedding": lambda decoded: [(number, str(at)) for at, number in enumerate(decoded)],
}


def exported(name: str, folder: Path) -> tuple[OnnxModel, Path]:
    """An exported model, and the page that answers as it does."""
    model = made(name)
    content = assemble(Contents(trace_body(model), model))
    file, page = folder / "model.onnx", folder / "answer.html"
    file.write_bytes(content)
    page.write_text(write_page(model, content, read_runtime(PACKAGE, model)), "utf-8")
    return load_onnx(file), page


def picture(high: int, wide: int) -> Image.Image:
    random = np.random.default_rng(high)
    small = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((wide, high), 2)


def answers(page: Path, *files: Path) -> list[list]:
    """What the page shows of files: a title, and names with numbers."""
    with chromium.opened(page, page.parent) as tab:
        tab.ask(WAIT % "!document.querySelector('#files').disabled")
        tab.choose("#files", *files)
        tab.ask(WAIT % f"document.querySelectorAll('section').length === {len(files)}")
        found = tab.ask(READ)
    assert tab.messages == []
    assert [each for each in tab.addresses if not each.startswith(("file:", "blob:"))] == []
    return found[::-1]  # the last is on top


def test_an_image_gets_the_names_and_probabilities_of_the_file(tmp_path: Path) -> None:
    model, page = exported("classification", tmp_path)
    images = [picture(*sides) for sides in ((32, 32), (40, 57), (90, 35))]
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for image, file in zip(images, files, strict=True):
        image.save(file)
    found = answers(page, *files)
    for (title, rows), image in zip(found, images, strict=True):
        (wanted,) = model.run(np.asarray(image)[None])[0]
        assert title == NAMES[wanted.argmax()]
        assert [name for name, _ in rows] == [name for _, name in SHOWN["classification"](wanted)]
        np.testing.assert_allclose([share for _, share in rows], -np.sort(-wanted), atol=1e-6)


def test_an_image_is_upright_on_white_and_what_is_none_is_named(tmp_path: Path) -> None:
    model, page = exported("regression", tmp_path)
    blocks = np.zeros((32, 64, 3), np.uint8)
    blocks[:, 48:] = 255
    (turned := Image.Exif())[0x0112] = 6
    Image.fromarray(blocks).save(tmp_path / "turned.jpg", exif=turned)
    clear = Image.fromarray(blocks).convert("RGBA")
    clear.putalpha(Image.fromarray(blocks[:, ::-1, 0]))
    clear.save(tmp_path / "clear.png")
    (tmp_path / "none.png").write_text("no image")
    found = answers(page, *(tmp_path / name for name in ("turned.jpg", "clear.png", "none.png")))
    white = np.where(np.arange(64) < 16, 0, 255)[None, :, None] * np.ones((32, 1, 3))
    for (_, rows), pixels in zip(found, (np.rot90(blocks, -1), white), strict=False):
        (wanted,) = model.run(np.ascontiguousarray(pixels, np.uint8)[None])[0]
        np.testing.assert_allclose([number for _, number in rows], wanted, atol=1e-3)
    assert found[2][0] == "none.png cannot be answered"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HEADS))
def test_every_task_shows_what_its_file_decodes(name: str, tmp_path: Path) -> None:
    model, page = exported(name, tmp_path)
    picture(64, 64).save(tmp_path / "one.png")
    ((title, rows),) = answers(page, tmp_path / "one.png")
    decoded = model.run(np.asarray(picture(64, 64))[None])[0][0]
    assert title
    if name in SHOWN:
        wanted = SHOWN[name](decoded)
        assert [row[0] for row in rows] == [name for _, name in wanted]
        np.testing.assert_allclose(
            [row[1] for row in rows], [number for number, _ in wanted], rtol=1e-4, atol=1e-4
        )
