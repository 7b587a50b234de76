"""Options that take one of a few words, and the ranges of an augmentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from striate.errors import OptionError, printable
from striate.options.base import Options, option

Network = str | Callable[..., Any]  #: a name; in Python a module, too, or what makes one
Fit = Literal["letterbox", "crop", "stretch"]
Augment = Literal["none", "light", "standard", "strong"]
ColorMode = Literal["gray", "rgb"]
Precision = Literal["auto", "float32", "tf32", "bfloat16", "float16"]
MemoryFormat = Literal["auto", "channels-last", "channels-first"]
AutoYesNo = Literal["auto", "yes", "no"]
Mode = Literal["valid", "same", "full"]
Border = Literal["zero", "reflect", "replicate", "circular"]
OptimizerName = Literal[
    "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw",
    "lamb", "lars", "lion", "muon",
]  # fmt: skip
#: option -> the optimizers that it tunes
TUNED: dict[str, tuple[OptimizerName, ...]] = {
    "momentum": ("momentum", "nesterov", "rmsprop", "lars", "muon"),
    "betas": ("adam", "adamw", "lamb", "lion", "muon"),
    "eps": ("adagrad", "rmsprop", "adam", "adamw", "lamb", "muon"),
}
Schedule = Literal["constant", "step", "cosine", "one-cycle", "plateau"]
BatchNorm = Literal["synchronized", "local"]
Balance = Literal["none", "weights", "sampling"]
Leaked = Literal["keep", "drop"]
SplitChoice = Literal["train", "validation", "test", "all"]


class AugmentParams(Options):
    """Ranges of augmentation, as `--augment-params "rotate=15,translate=0.1"` names them.

    What is not given stays as the level of `augment` has it.
    """

    rotate: float | None = option(None, "Turned either way", "degrees", ge=0, le=180)
    translate: float | None = option(None, "Moved either way, of the side", "share", ge=0, le=1)
    scale: float | None = option(None, "Larger or smaller", "share", ge=0, lt=1)
    hflip: bool | None = option(None, "Half of the images, left to right", "yes or no")
    vflip: bool | None = option(None, "Half of the images, upside down", "yes or no")
    shear: float | None = option(None, "Slanted either way", "degrees", ge=0, le=60)
    aspect: float | None = option(None, "Wider or higher", "share", ge=0, le=4)
    crop: float | None = option(None, "Cut away at most, of the area", "share", ge=0, lt=1)
    brightness: float | None = option(
        None, "Lighter or darker, of the full range", "share", ge=0, le=1
    )
    contrast: float | None = option(None, "Stronger or weaker", "share", ge=0, le=1)
    saturation: float | None = option(None, "More or less color", "share", ge=0, le=1)
    hue: float | None = option(None, "Colors turned about the grays", "degrees", ge=0, le=180)
    erase: float | None = option(
        None, "A rectangle erased, at most, of the area", "share", ge=0, lt=1
    )
    mixup: float | None = option(
        None, "Another image laid over at most, its label too", "share", ge=0, le=1
    )
    cutmix: float | None = option(
        None, "A rectangle of another image at most, of the area", "share", ge=0, le=1
    )

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "rotate=15,translate=0.1,hflip=no". Raises OptionError."""
        values: dict[str, str] = {}
        for entry in text.split(","):
            name, equals, value = (part.strip() for part in entry.partition("="))
            if not (name and equals and value):
                raise OptionError(
                    "vary takes ranges by name, as in rotate=15,translate=0.1, "
                    f"but {printable(repr(entry.strip()), 200)} came"
                )
            if name in values:
                raise OptionError(f"vary names {printable(repr(name), 200)} twice")
            values[name] = value
        return cls.read(values, source="vary")


def _ranges(text: str | None) -> str | None:
    try:
        if text is not None:
            AugmentParams.parse(text)
    except OptionError as error:
        raise PydanticCustomError("ranges", "{reason}", {"reason": str(error)}) from None
    return text


Ranges = Annotated[str | None, AfterValidator(_ranges)]
