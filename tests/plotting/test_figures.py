"""Numbers get the colors that the bar beside them says, and figures leave room for all."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import striate
from striate import plotting
from striate.images.gallery import draw_gallery
from striate.plotting import Bar, Scale, choose_scale, colorize, curve, panels
from striate.plotting.color import BLUE, RED, WHITE
from striate.plotting.ink import shorten, text_width
from striate.text import format_amount

signed = arrays(
    np.float32, (3, 4), elements=st.floats(-1000, 1000, width=32, allow_subnormal=False)
)


def at(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    return np.asarray(image.convert("RGB"))[y, x].tolist()


def test_numbers_of_an_image_are_drawn_as_they_are():
    numbers = np.array([[0, 1, 127.4], [127.6, 254, 255]])
    scale = choose_scale(numbers)
    assert scale == Scale("plain", 0, 255)
    assert colorize(numbers, scale).tolist() == [[0, 1, 127], [128, 254, 255]]


def test_rounding_errors_do_not_make_an_image_signed():
    numbers = np.array([[-1e-4, 255.001]])
    assert choose_scale(numbers).kind == "plain"
    assert colorize(numbers, choose_scale(numbers)).tolist() == [[0, 255]]


def test_zero_is_exactly_the_middle_color_and_the_strongest_number_an_end():
    numbers = np.array([[-40.0, 0, 20], [40, -20, 0]])
    colors = colorize(numbers, choose_scale(numbers))
    assert choose_scale(numbers) == Scale("diverging", -40, 40)
    assert tuple(colors[0, 0]) == BLUE
    assert colors[0, 1].tolist() == colors[1, 2].tolist() == [255, 255, 255]
    assert tuple(colors[1, 0]) == RED
    assert colors[0, 2, 0] > colors[0, 2, 2]
    assert colors[1, 1, 0] < colors[1, 1, 2]


def test_the_scale_reaches_as_far_below_zero_as_above():
    assert choose_scale(np.array([[-3.0, 50]])) == Scale("diverging", -50, 50)
    assert choose_scale(np.array([[-50.0, 3]])) == Scale("diverging", -50, 50)


def test_of_signed_channels_the_one_farthest_from_zero_gives_the_color():
    numbers = np.array([[[-9.0, 0, 10], [0, 0, 0], [3, -4, 1], [2, -1, 0]]])
    farthest = np.array([[10.0, 0, -4, 2]])
    expected = colorize(farthest, Scale("diverging", -10, 10))
    assert colorize(numbers, choose_scale(numbers)).tolist() == expected.tolist()
    assert tuple(colorize(-numbers, choose_scale(numbers))[0, 0]) == BLUE


def test_numbers_above_white_are_drawn_from_black_to_the_largest():
    numbers = np.array([[0.0, 510, 1020]])
    assert choose_scale(numbers) == Scale("stretched", 0, 1020)
    assert colorize(numbers, choose_scale(numbers)).tolist() == [[0, 128, 255]]


def test_white_may_be_another_number():
    numbers = np.array([[0.0, 0.5, 1]])
    assert colorize(numbers, choose_scale(numbers, white=1)).tolist() == [[0, 128, 255]]
    assert choose_scale(numbers * 2, white=1) == Scale("stretched", 0, 2)


def test_clipping_is_asked_for_and_counted():
    numbers = np.array([[-5.0, 0, 255, 300, 900]])
    scale = choose_scale(numbers, clip=True)
    assert scale == Scale("plain", 0, 255, outside=3)
    assert colorize(numbers, scale).tolist() == [[0, 0, 255, 255, 255]]
    assert scale.describe() == "0 to 255, black to white; 3 numbers beyond it"


@given(signed)
def test_nothing_is_clipped_and_the_order_is_kept(numbers: np.ndarray):
    scale = choose_scale(numbers)
    assert scale.least - 0.03 <= numbers.min()
    assert numbers.max() <= scale.most + 0.03
    colors = colorize(numbers, scale).astype(int)
    red = colors if colors.ndim == 2 else colors[..., 0] - colors[..., 2]
    least, most = numbers.argmin(), numbers.argmax()
    assert red.flat[least] <= red.flat[most]


def test_each_scale_says_what_its_colors_mean():
    assert Scale("plain", 0, 255).describe() == "0 to 255, black to white"
    assert Scale("stretched", 0, 1020).describe() == "0 to 1,020, black to white"
    assert Scale("diverging", -9, 9).describe() == "-9 to 9, blue to red, 0 is white"
    assert Scale("diverging", -9, 9).describe(color=True) == (
        "-9 to 9, blue to red, 0 is white; of the channels the one farthest from 0"
    )


@pytest.mark.parametrize("count", [1, 2, 16, 17, 1024])
def test_a_curve_is_where_its_numbers_are(count: int):
    numbers = np.linspace(-3, 1, count)
    drawn = np.asarray(curve(numbers, 400, 200)).astype(int)
    red = (drawn == RED).all(axis=2)
    rows, columns = np.nonzero(red)
    if count > 1:
        assert rows[columns == columns.min()].mean() == pytest.approx(200 - 19, abs=4)
        assert rows[columns == columns.max()].mean() == pytest.approx(19, abs=4)
    assert columns.max() < 400
    assert (~red & (drawn[..., 0] < 255)).any()  # lines at least, 0 and greatest numbers


def test_a_flat_signal_and_one_without_a_zero_are_drawn():
    for numbers in (np.zeros(5), np.full(9, 7.0), np.full(9, -7.0)):
        drawn = np.asarray(curve(numbers, 300, 150))
        assert (drawn == RED).all(axis=2).any()


@pytest.mark.parametrize(
    ("number", "shown"),
    [(1020, "1,020"), (-2381.4, "-2,381"), (0.0625, "0.0625"), (2 / 3, "0.6667"), (0, "0")],
)
def test_amounts_are_short(number: float, shown: str):
    assert format_amount(number) == shown


def test_a_bar_runs_from_the_least_to_the_most():
    ramp = Bar(Scale("diverging", -9, 9)).ramp(255)
    assert ramp.size == (255, 1)
    assert [at(ramp, x, 0) for x in (0, 127, 254)] == [[*BLUE], [*WHITE], [*RED]]
    assert Bar(Scale("diverging", -9, 9)).labels == ("9", "0", "-9")
    assert Bar(Scale("stretched", 0, 9)).labels == ("9", "0")


def test_a_small_image_is_enlarged_in_squares_and_a_large_one_fits():
    numbers = np.array([[0, 255], [255, 0]])
    shown = plotting.make_panel(numbers, choose_scale(numbers), 101, "small").image
    assert shown.size == (100, 100)
    assert [at(shown, x, 49)[0] for x in (0, 49, 50, 99)] == [0, 0, 255, 255]
    wide = np.zeros((30, 600))
    assert plotting.make_panel(wide, choose_scale(wide), 200, "wide").image.size == (200, 10)


def test_thin_lines_do_not_fade_when_a_signed_image_is_reduced():
    numbers = np.zeros((400, 400), np.float32)
    numbers[:, 200] = -50
    shown = plotting.make_panel(numbers, choose_scale(numbers), 100, "line").image
    assert tuple(at(shown, 50, 50)) == BLUE
    assert tuple(at(shown, 20, 50)) == WHITE


@given(arrays(np.float32, (8, 6), elements=st.integers(-99, 99)))
def test_of_a_block_the_number_farthest_from_zero_stands(numbers: np.ndarray):
    found = panels._strongest(numbers, 2)
    for row, column in np.ndindex(4, 3):
        block = numbers[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert found[row, column] in block
        assert abs(found[row, column]) == np.abs(block).max()


def test_a_kernel_is_a_matrix_of_cells():
    weights = np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    shown = plotting.make_kernel_panel(weights, 252, "sobel-x").image
    assert shown.size == (252, 252)
    corners = [at(shown, x, 8) for x in (8, 92, 176)]
    assert corners[1] == [*WHITE]
    assert at(shown, 8, 92) == [*RED]
    assert at(shown, 176, 92) == [*BLUE]


def test_numbers_stand_in_cells_that_are_large_enough():
    def inks(weights: np.ndarray) -> int:
        return len(np.unique(np.asarray(plotting.make_kernel_panel(weights, 252, "").image)))

    assert inks(np.eye(3)) > inks(np.eye(60))
    assert plotting.make_kernel_panel(np.eye(101), 56, "").image.size == (56, 56)


def test_windows_of_several_channels_stand_below_each_other():
    shown = plotting.make_kernel_panel(np.zeros((3, 3, 3)), 260, "")
    assert shown.image.size == (3 * 26, 3 * 78 + 2 * 12)


def test_side_by_side_has_even_margins_and_room_for_every_caption():
    numbers = np.zeros((40, 40))
    title = "a very long name of a kernel that is longer than its panel"
    parts = [
        plotting.make_panel(numbers, choose_scale(numbers), 160, "one", ("40x40, 0 to 0",)),
        plotting.make_panel(numbers, choose_scale(numbers), 160, title, ("x",)),
    ]
    pixels = np.asarray(plotting.draw_side_by_side(parts).convert("L"))
    rows, columns = np.nonzero(pixels < 250)
    margins = rows.min(), columns.min(), pixels.shape[1] - 1 - columns.max()
    assert all(abs(margin - 56) <= 6 for margin in margins), margins
    assert 30 <= pixels.shape[0] - 1 - rows.max() <= 62


def test_signed_results_have_a_bar_and_images_have_none():
    signs, plain = np.array([[-1.0, 1]]), np.array([[0.0, 9]])
    assert plotting.make_panel(signs, choose_scale(signs), 90, "").bar == Bar(
        Scale("diverging", -1, 1)
    )
    assert plotting.make_panel(plain, choose_scale(plain), 90, "").bar is None


def test_long_titles_lose_their_middle():
    text = "a-photo-from-a-camera-with-a-very-long-name.jpg"
    short = shorten(text, 24, 200)
    assert text_width(short, 24) <= 200 < text_width(text, 24)
    assert short.startswith("a-photo")
    assert short.endswith(".jpg")
    assert "..." in short
    assert shorten("short", 24, 200) == "short"


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (37, 60, 3), (700, 500)])
def test_every_image_can_be_drawn_with_every_kernel(shape: tuple[int, ...]):
    image = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    figure = draw_gallery(image)
    assert figure.mode == "RGB"
    assert figure.width == 2 * 56 + 5 * max(220, tile_width(shape)) + 4 * 36


def tile_width(shape: tuple[int, ...]) -> int:
    return max(1, round(300 * shape[1] / max(shape[:2])))


def test_the_gallery_reduces_a_large_image_before_it_filters():
    ramp = np.tile(np.repeat(np.arange(0, 200, 2, np.uint8), 6), (600, 1))
    small = draw_gallery(np.tile(np.repeat(np.arange(0, 200, 2, np.uint8), 3), (300, 1)))
    large = draw_gallery(ramp)
    assert large.size == small.size
    below = (0, 130, large.width, large.height)  # the title tells the sizes
    assert large.crop(below).tobytes() == small.crop(below).tobytes()


def test_a_notebook_shows_the_image_the_kernel_and_the_result():
    found = striate.filter(np.eye(30) * 255, "sobel-x")
    shown = Image.open(io.BytesIO(found._repr_png_()))
    assert shown.size == found.figure().size
    assert shown.width > 2 * 500
    assert Image.open(io.BytesIO(found.to_png())).size == (30, 30)
