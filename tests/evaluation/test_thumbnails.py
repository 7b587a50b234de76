import base64
import io

import numpy as np
from PIL import Image

from striate.evaluation.thumbnails import MOST_BYTES, RIGHT, WRONG, draw_matrix, encode_thumbnail


def opened(address):
    head, _, body = address.partition(",")
    return head, Image.open(io.BytesIO(base64.b64decode(body)))


def test_a_small_image_is_kept_exactly():
    draw = np.random.default_rng(1)
    for shape in ((28, 28, 1), (32, 48, 3)):
        pixels = draw.integers(0, 256, shape, dtype=np.uint8)
        head, image = opened(encode_thumbnail(pixels))
        assert head == "data:image/png;base64"
        np.testing.assert_array_equal(np.asarray(image).reshape(shape), pixels)


def test_a_large_image_becomes_a_small_jpeg():
    pixels = np.full((1024, 512, 3), (200, 100, 50), dtype=np.uint8)
    head, image = opened(encode_thumbnail(pixels))
    assert head == "data:image/jpeg;base64"
    assert image.size == (128, 256)
    assert np.abs(np.asarray(image, dtype=int) - (200, 100, 50)).max() <= 3


def test_an_image_full_of_noise_stays_small_too():
    pixels = np.random.default_rng(2).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    assert len(encode_thumbnail(pixels)) < 4 / 3 * MOST_BYTES + 30


def test_a_matrix_is_an_image_with_a_pixel_a_cell():
    matrix = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 0]])
    image = Image.open(io.BytesIO(draw_matrix(matrix)))
    assert image.format == "PNG"
    cells = np.asarray(image)
    assert cells.shape == (3, 3, 4)
    assert cells[0, 0].tolist() == [*RIGHT, 191]  # 255 x 3/4
    assert cells[0, 1].tolist() == [*WRONG, 128]  # 255 x sqrt(1/4)
    assert cells[2, 0].tolist() == [*WRONG, 255]
    assert not cells[1, :, 3].any()
