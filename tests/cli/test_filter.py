"""`striate filter` and `striate numbers`: what they print, what they write, what they refuse."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

import striate
from striate import storage, vision
from striate.cli import filter as command
from striate.cli import main
from striate.errors import DataError, OptionError, unknown
from striate.images.filtering import file_name
from striate.options import Border, FilterOptions, Mode
from tests.data import images as images

RAMP = np.add.outer(np.arange(6), np.arange(8) * 4).astype(np.uint8)
CORNERS = np.asarray(images.corners())


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a gray and a color image, and no screen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    Image.fromarray(RAMP).save("ramp.png")
    images.corners().save("corners.png")
    return tmp_path


def shown(name: str) -> np.ndarray:
    with Image.open(name) as image:
        return np.asarray(image)


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()} - {"ramp.png", "corners.png"}


def test_a_filtered_image_and_its_numbers_are_written(here: Path, capsys):
    line = "filter ramp.png --kernel sobel-x --mode valid --out edges.png --raw out.npy"
    assert main(line.split()) == 0
    assert capsys.readouterr().out == (
        "image  6x8, 0 to 33\n"
        "kernel   3x3, sobel-x\n"
        "result   4x6, -32 to -32; mode valid\n"
        "drawn    -32 to 32, blue to red, 0 is white; --clip draws it as an image\n"
        "out      edges.png\n"
        "raw      out.npy\n"
    )
    assert files(here) == {"edges.png", "out.npy"}
    assert np.load("out.npy").tolist() == [[-32.0] * 6] * 4
    assert shown("edges.png").shape == (4, 6, 3)
    assert np.unique(shown("edges.png").reshape(-1, 3), axis=0).tolist() == [[16, 62, 130]]


def test_a_result_that_is_an_image_is_written_as_it_is(here: Path):
    assert main(["filter", "corners.png", "--kernel", "identity", "--out", "same.png"]) == 0
    assert np.array_equal(shown("same.png"), CORNERS)


def test_a_jpeg_is_written_too(here: Path):
    assert main(["filter", "ramp.png", "--kernel", "identity", "--out", "same.JPG"]) == 0
    kept = shown("same.JPG").astype(int)
    assert np.abs(kept - RAMP).max() <= 2


def test_without_out_a_figure_is_saved_under_a_free_name(here: Path, capsys):
    for _ in range(3):
        assert main(["filter", "ramp.png", "--kernel", "sobel-x"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("figure")] == [
        "figure   ramp-sobel-x.png",
        "figure   ramp-sobel-x-2.png",
        "figure   ramp-sobel-x-3.png",
    ]
    assert files(here) == {"ramp-sobel-x.png", "ramp-sobel-x-2.png", "ramp-sobel-x-3.png"}
    assert shown("ramp-sobel-x.png").shape[1] > 1000


def test_numbers_beyond_black_and_white_are_cut_only_where_asked_and_told(here: Path, capsys):
    line = "filter corners.png --kernel sobel-x --clip --out clipped.png --json"
    assert main(line.split()) == 0
    document = json.loads(capsys.readouterr().out)
    numbers = striate.filter("corners.png", "sobel-x").numbers
    outside = int(((numbers < 0) | (numbers > 255)).sum())
    assert outside > 100
    assert document["drawn"] == {"scale": "plain", "least": 0, "most": 255, "outside": outside}
    assert np.array_equal(shown("clipped.png"), np.clip(numbers, 0, 255).astype(np.uint8))


def test_json_is_one_document_with_all_facts(here: Path, capsys):
    assert main(["filter", "ramp.png", "--kernel", "sobel-x", "--border", "reflect", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "image": {
            "name": "ramp.png",
            "shape": [6, 8],
            "dtype": "uint8",
            "least": 0.0,
            "most": 33.0,
        },
        "notes": [],
        "kernel": {"name": "sobel-x", "weights": [[1, 0, -1], [2, 0, -2], [1, 0, -1]]},
        "mode": "same",
        "border": "reflect",
        "stride": 1,
        "dilation": 1,
        "flip": False,
        "result": {"shape": [6, 8], "dtype": "float32", "least": -32.0, "most": 0.0},
        "drawn": {"scale": "diverging", "least": -32.0, "most": 32.0, "outside": 0},
        "files": {"figure": "ramp-sobel-x.png"},
    }


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("border", get_args(Border))
def test_options_reach_the_correlation(mode: str, border: str):
    found = striate.filter("corners.png", "sobel-x", mode=mode, border=border, stride=2, gray=True)
    gray = np.asarray(images.corners().convert("L"))
    expected = vision.correlate(gray, vision.kernel("sobel-x"), mode=mode, border=border, stride=2)
    assert np.array_equal(found.numbers, expected)
    assert found.input_shape == (32, 48)


def test_options_have_the_modes_and_borders_that_correlation_has():
    assert get_args(Mode) == get_args(vision.Mode)
    assert get_args(Border) == get_args(vision.Border)


def test_all_named_kernels_are_drawn_in_one_figure(here: Path, capsys):
    assert main(["filter", "corners.png", "--all"]) == 0
    assert capsys.readouterr().out == (
        f"kernels  {', '.join(vision.KERNELS)}\nfigure   corners-all.png\n"
    )
    assert main(["filter", "corners.png", "--all", "--out", "all.jpg", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {"kernels": list(vision.KERNELS), "files": {"out": "all.jpg"}}
    assert files(here) == {"corners-all.png", "all.jpg"}


@pytest.mark.parametrize(
    ("image", "kernel", "name"),
    [
        ("a/b/cat.jpg", "sobel-x", "cat-sobel-x.png"),
        ("cat.jpg", "gaussian(9, sigma=1.5)", "cat-gaussian-9-sigma-1.5.png"),
        ("sample:camera", "0 -1 0; -1 5 -1; 0 -1 0", "camera-kernel.png"),
        ("cat.jpg", "../kernels/my edge.txt", "cat-my-edge.png"),
    ],
)
def test_a_figure_is_named_by_image_and_kernel(image: str, kernel: str, name: str):
    assert file_name(image, kernel) == name


def test_samples_need_no_file(here: Path, capsys):
    assert main(["numbers", "sample:camera", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["name"], document["format"]) == ("sample:camera", None)
    assert document["shape"] == list(vision.sample("camera").shape)


def test_odd_files_come_upright_in_eight_bits(here: Path, capsys):
    Path("turned.jpg").write_bytes(images.turned(images.corners(), 6, "JPEG"))
    Path("deep.png").write_bytes(images.deep_png(RAMP[..., None].astype(np.uint16) * 257))
    images.corners().convert("CMYK").save("cmyk.jpg")
    palette = images.corners().quantize(4)
    palette.save("palette.png", transparency=0)
    notes = {
        "turned.jpg": ((32, 48, 3), "rotated (orientation 6): turned upright as its EXIF tag says"),
        "deep.png": ((6, 8), "16 bit: scaled to 8 bit"),
        "cmyk.jpg": ((32, 48, 3), "cmyk: converted to RGB"),
        "palette.png": ((32, 48, 3), "palette: expanded to its colors"),
    }
    for name, (shape, note) in notes.items():
        found = striate.filter(name, "identity")
        assert found.input_shape == shape
        assert found.image.notes[0] == note
    assert np.array_equal(striate.filter("deep.png", "identity").numbers, RAMP)
    assert main(["filter", "turned.jpg", "--kernel", "identity", "--out", "same.png"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == (
        "         rotated (orientation 6): turned upright as its EXIF tag says"
    )


@pytest.mark.parametrize("make", [np.asarray, Image.fromarray], ids=["array", "image"])
def test_arrays_and_images_are_taken_like_files(make):
    found = striate.filter(make(RAMP), "sobel-x")
    assert np.array_equal(found.numbers, striate.filter("ramp.png", "sobel-x").numbers)
    assert repr(found).splitlines()[0] == "image  6x8, 0 to 33"


def test_an_image_is_turned_and_laid_on_white():
    write("turned.jpg", images.turned(images.corners(), 8, "JPEG"))
    clear = Image.new("RGBA", (5, 4), (0, 0, 0, 0))
    with Image.open("turned.jpg") as turned:
        assert striate.filter(turned, "identity").input_shape == (32, 48, 3)
    assert striate.filter(clear, "identity").numbers.min() == 255


def test_floats_up_to_one_have_their_white_at_one():
    found = striate.filter(RAMP / np.float32(33), "identity")
    assert found.scale.most == 1
    assert np.asarray(found.to_image()).max() == 255


def test_an_array_may_be_the_kernel_also_over_the_channels():
    weights = np.zeros((1, 1, 3))
    weights[..., 0] = 1
    found = striate.filter(CORNERS, weights)
    assert np.array_equal(found.numbers, CORNERS[..., 0])


def write(name: str, data: bytes) -> None:
    Path(name).write_bytes(data)


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    code = main(argv)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert err.count("\n") == 1
    return code, err.removeprefix("striate: error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "text.jpg",
            b"not pixels at all",
            "text.jpg: not an image, it looks like text; "
            "expected JPEG, PNG, WebP, GIF, BMP, TIFF or PPM",
        ),
        (
            "empty.png",
            b"",
            "empty.png: the file is empty; expected JPEG, PNG, WebP, GIF, BMP, TIFF or PPM",
        ),
        (
            "cut.jpg",
            images.encoded(images.corners(), "JPEG")[:-100],
            "cut.jpg: truncated: the end of the JPEG is missing",
        ),
        (
            "huge.png",
            images.png(100_000, 100_000),
            "huge.png: 100,000 x 100,000 pixels need 40,001 MB, the limit is 200 MB; "
            "raise it with --largest",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["numbers", "filter --kernel sobel-x --out o.png --raw o.npy"])
def test_a_file_that_is_no_image_is_refused(
    here: Path, capsys, verb: str, name: str, data: bytes, message: str
):
    write(name, data)
    assert refusal(capsys, *verb.split(), name) == (3, message)
    assert files(here) == {name}


def test_an_image_without_pixels_is_refused(here: Path, capsys):
    write("none.png", images.png(0, 7))
    code, message = refusal(capsys, "numbers", "none.png")
    assert code == 3
    assert message.startswith("none.png: unreadable: the header of the PNG is damaged (")


def test_a_huge_header_takes_no_memory(here: Path, capsys):
    write("huge.png", images.png(100_000, 100_000))
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert main(["filter", "huge.png", "--all"]) == 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_largest_is_in_megabytes(here: Path, capsys):
    write("wide.png", images.png(1000, 700))
    assert refusal(capsys, "numbers", "wide.png", "--largest", "2") == (
        3,
        "wide.png: 1,000 x 700 pixels need 3 MB, the limit is 2 MB; raise it with --largest",
    )


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (
            "filter ramp.png",
            2,
            "filter takes --kernel, as in --kernel sobel-x, or --all; neither came",
        ),
        (
            "filter ramp.png --kernel box --all",
            2,
            "filter takes --kernel, as in --kernel sobel-x, or --all; both came",
        ),
        ("filter ramp.png --kernel sobel-z", 2, str(unknown("kernel", "sobel-z", vision.KERNELS))),
        ("filter none.png --kernel sobel-x --out o.png", 3, "none.png: no such file"),
        ("filter . --kernel sobel-x", 3, ".: a folder, where an image was expected"),
        (
            "filter sample:dog --kernel sobel-x",
            2,
            str(unknown("sample", "dog", vision.SAMPLES)),
        ),
        (
            "filter sample:ecg --kernel sobel-x",
            2,
            'a signal takes a kernel (K,), as "1 0 -1" or "box(5)", but sobel-x is 3x3',
        ),
        (
            "filter sample:ecg --all",
            2,
            f"an image is (H, W), (H, W, 1) or (H, W, 3), but {vision.sample('ecg').shape} came; "
            "striate.vision.correlate takes other arrays",
        ),
        (
            "filter ramp.png --kernel sobel-x --mode sme",
            2,
            "--mode must be 'valid', 'same' or 'full', but 'sme' came",
        ),
        (
            "filter ramp.png --kernel sobel-x --border black",
            2,
            "--border must be 'zero', 'reflect', 'replicate' or 'circular', but 'black' came",
        ),
        (
            "filter ramp.png --kernel sobel-x --stride 0",
            2,
            "--stride must be at least 1, but '0' came",
        ),
        (
            "filter ramp.png --kernel sobel-x --out edges.gif",
            2,
            "edges.gif: expected a file that ends in .png or .jpg or .jpeg",
        ),
        (
            "filter ramp.png --kernel sobel-x --raw edges.csv",
            2,
            "edges.csv: expected a file that ends in .npy",
        ),
        (
            "filter ramp.png --all --raw all.npy",
            2,
            "--raw keeps the numbers of one kernel, but all are drawn; leave it out",
        ),
        (
            "filter ramp.png --kernel sobel-x --out ./ramp.png",
            2,
            "ramp.png is an input of this command; choose another name",
        ),
        (
            "filter ramp.png --kernel sobel-x --raw far/out.npy",
            4,
            "far/out.npy: there is no folder far; make it, or choose another",
        ),
        ("numbers none.png", 3, "none.png: no such file"),
        (
            "numbers ramp.png --patch 1,2",
            2,
            "patch must be row,column,size as in 100,40,8, but 1,2 came",
        ),
        (
            "numbers ramp.png --patch 1,2,7",
            2,
            "the patch ends at row 7 and column 8, but the image's last are 5 and 7",
        ),
        (
            "numbers ramp.png --patch=-1,2,0",
            2,
            "patch begins at row -1 and column 2 with size 0; "
            "rows and columns count from 0, and the size is at least 1",
        ),
    ],
)
def test_a_wrong_command_line_is_refused(here: Path, capsys, line: str, code: int, message: str):
    assert refusal(capsys, *line.split()) == (code, message)
    assert files(here) == set()


def test_a_ragged_kernel_is_refused(here: Path, capsys):
    code, message = refusal(
        capsys, "filter", "ramp.png", "--kernel", "1 2 3; 4 5", "--out", "o.png"
    )
    with pytest.raises(OptionError) as error:
        vision.kernel("1 2 3; 4 5")
    assert (code, message) == (2, str(error.value))
    assert files(here) == set()
    with pytest.raises(OptionError) as error:
        striate.filter("ramp.png", [[1, 2, 3], [4, 5]])
    assert str(error.value) == "a kernel needs rows of one length, but ragged rows came"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            np.array([[0.0, np.nan], [np.inf, 1]]),
            "2 of the 4 numbers of the image are not finite; "
            "replace them, as numpy.nan_to_num does",
        ),
        (np.zeros((0, 7)), "an image of shape (0, 7) has no pixels"),
        (
            np.zeros((3, 4, 2)),
            "an image is (H, W), (H, W, 1) or (H, W, 3), but (3, 4, 2) came; "
            "striate.vision.correlate takes other arrays",
        ),
        (
            np.zeros((3, 4), complex),
            "an image holds numbers, but an array of complex128 came",
        ),
        ([["a", "b"]], "an image holds numbers, but an array of <U1 came"),
        ([[1, 2], [3]], "an image needs rows of one length, but ragged rows came"),
        (
            Image.new("L", (20_000, 11_000)),
            "the image has 20,000 x 11,000 pixels, which need 220 MB, the limit is 200 MB; "
            "raise it with largest",
        ),
    ],
    ids=["not finite", "empty", "channels", "complex", "text", "ragged", "huge"],
)
def test_an_array_that_is_no_image_is_refused(image, message: str):
    for verb in (striate.numbers, lambda image: striate.filter(image, "sobel-x")):
        with pytest.raises(OptionError) as error:
            verb(image)
        assert str(error.value) == message


def test_an_image_that_cannot_be_decoded_is_refused():
    write("cut.png", images.encoded(images.noise(99, 99))[:-3000])
    with Image.open("cut.png") as cut, pytest.raises(DataError) as error:
        striate.numbers(cut)
    assert str(error.value).startswith("the image cannot be decoded: ")


def test_a_file_keeps_its_old_content_where_writing_fails(
    here: Path, capsys, monkeypatch: pytest.MonkeyPatch
):
    Path("o.png").write_bytes(b"old")
    usual = storage._write_through

    def full(path: Path, data: bytes) -> None:
        usual(path, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "_write_through", full)
    code, message = refusal(
        capsys, *["filter", "ramp.png", "--kernel", "sobel-x", "--out", "o.png"]
    )
    assert code == 4
    assert message.startswith("o.png: the disk is full; ")
    assert Path("o.png").read_bytes() == b"old"
    assert files(here) == {"o.png"}


def test_a_figure_is_opened_only_where_somebody_looks(here: Path, monkeypatch, capsys):
    opened: list[str] = []
    monkeypatch.setattr(command.click, "launch", opened.append)
    assert main(["filter", "ramp.png", "--kernel", "sobel-x"]) == 0
    assert opened == []
    monkeypatch.setattr(command, "_has_screen", lambda: True)
    assert main(["filter", "ramp.png", "--kernel", "sobel-x", "--json"]) == 0
    assert main(["filter", "ramp.png", "--kernel", "sobel-x", "--out", "o.png"]) == 0
    assert opened == []
    assert main(["filter", "ramp.png", "--kernel", "sobel-x"]) == 0
    assert opened == ["ramp-sobel-x-3.png"]


def test_a_screen_is_a_terminal_on_a_desktop(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert not command._has_screen()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert command._has_screen()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert not command._has_screen()


def test_an_image_is_told_as_numbers(here: Path, capsys):
    assert main(["numbers", "ramp.png", "--patch", "2,3,3"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:4] == [
        "ramp.png: PNG, 6x8 (height x width), uint8",
        "",
        "channel  least  most  mean    std",
        "gray         0    33  16.5  9.323",
    ]
    assert shown[-5:] == [
        "rows 2 to 4, columns 3 to 5",
        "",
        "14  18  22",
        "15  19  23",
        "16  20  24",
    ]
    (axis,) = [at for at, line in enumerate(shown) if line.startswith("▔")]
    assert shown[axis + 1] == f"0{255:>63}"


def test_a_histogram_has_four_values_a_bar_and_the_most_frequent_is_full():
    found = striate.numbers(np.array([[0, 3, 3], [4, 255, 252]], np.uint8))
    (channel,) = found.channels
    assert channel.counts == (3, 1, *[0] * 61, 2)
    lines = repr(found).splitlines()
    at = lines.index("▔" * 64)
    assert [line[:2].ljust(2) for line in lines[at - 4 : at]] == ["█ ", "█ ", "█▃", "██"]
    assert [line[63:] for line in lines[at - 4 : at]] == ["", "▆", "█", "█"]


def test_channels_have_their_own_statistics(here: Path, capsys):
    assert main(["numbers", "corners.png", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [channel["name"] for channel in document["channels"]] == ["red", "green", "blue"]
    for at, channel in enumerate(document["channels"]):
        plane = CORNERS[..., at]
        assert channel["mean"] == pytest.approx(plane.mean())
        assert channel["std"] == pytest.approx(plane.std())
        assert sum(channel["histogram"]) == plane.size
    patch = document["patch"]
    assert (patch["row"], patch["column"]) == (12, 20)
    assert np.array_equal(patch["numbers"], CORNERS[12:20, 20:28])


def test_a_patch_is_no_larger_than_the_image():
    found = striate.numbers(np.arange(6).reshape(2, 3))
    assert found.patch.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert striate.numbers("ramp.png", patch=(1, 2, 1)).patch.tolist() == [[9]]


def test_floats_are_told_on_their_own_span():
    found = striate.numbers(np.array([[-2.5, 0.5]]))
    assert found.span == (-2.5, 0.5)
    assert found.channels[0].counts == (1, *[0] * 62, 1)
    assert striate.numbers(np.array([[0.0, 1]])).span == (0, 1)


def test_values_cannot_be_changed():
    for value in (striate.filter("ramp.png", "identity"), striate.numbers("ramp.png")):
        with pytest.raises(AttributeError):
            value.image = None


def test_the_options_of_a_result_are_those_given():
    assert striate.filter("ramp.png", "identity", stride=2).options == FilterOptions(stride=2)


def test_a_signal_is_filtered_and_drawn(here: Path, capsys):
    assert main(["filter", "sample:ecg", "--kernel", "box(7)", "--raw", "out.npy"]) == 0
    assert capsys.readouterr().out == (
        "signal   1024, -112 to 250\n"
        "kernel   7, box(7)\n"
        "result   1024, -109.1 to 180; mode same, border zero\n"
        "drawn    as a curve\n"
        "figure   ecg-box-7.png\n"
        "raw      out.npy\n"
    )
    expected = vision.correlate(vision.sample("ecg"), np.full(7, 1 / 7))
    np.testing.assert_allclose(np.load("out.npy"), expected, rtol=1e-6)
    assert min(shown("ecg-box-7.png").shape[:2]) > 300
    line = "filter sample:ecg --gray --clip --out slopes.png --kernel"
    assert main([*line.split(), "1 0 -1"]) == 0
    drawn = shown("slopes.png").astype(int)
    assert (drawn == (150, 16, 34)).all(axis=2).sum() > 2000


@pytest.mark.parametrize("kernel", ["1 0 -1", "1 0 -1;", [1, 0, -1], [[1, 0, -1]]])
def test_an_array_of_one_axis_is_a_signal(kernel: object):
    signal = np.array([0, 0, 5, 10, 15, 20.0])
    found = striate.filter(signal, kernel, mode="valid")
    assert found.numbers.tolist() == [-5, -10, -10, -10]
    assert striate.filter(signal, kernel, mode="valid", flip=True).numbers.tolist() == [
        5,
        10,
        10,
        10,
    ]
    assert found.to_png().startswith(b"\x89PNG")
    assert found._repr_png_().startswith(b"\x89PNG")
    assert found.to_json()["drawn"] is None


@pytest.mark.parametrize("taps", [1, 5, 6, 300])
def test_kernels_of_any_length_are_drawn_beside_a_signal(taps: int):
    assert striate.filter(np.arange(400.0), np.ones(taps)).figure().width > 1000


def test_a_flipped_kernel_is_a_true_convolution(here: Path, capsys):
    line = "filter ramp.png --kernel sobel-x --mode valid --flip --out edges.png --raw out.npy"
    assert main(line.split()) == 0
    assert "result   4x6, 32 to 32; mode valid, kernel flipped\n" in capsys.readouterr().out
    assert np.load("out.npy").tolist() == [[32.0] * 6] * 4
