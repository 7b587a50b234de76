"""Option types with fixed choices, augmentation ranges and network names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, PlainSerializer, PrivateAttr
from pydantic_core import PydanticCustomError

from striate.errors import OptionError, unknown
from striate.options.base import Options, option
from striate.options.task_params import parse_pairs

Network = str | Callable[..., Any]  #: name; in Python also a module or its factory
Fit = Literal["letterbox", "crop", "stretch"]
Norms = Literal["keep", "refit", "train"]
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
#: option -> optimizers that use it
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
#: help of the option `mirrored`
MIRRORED = "What a number v becomes in a mirrored image: angle=-v,x=640-v,age=same; or same for all"


class AugmentParams(Options):
    """Augmentation ranges, as in `--augment-params "rotate=15,translate=0.1"`.

    Ranges not given are those of the `augment` level.
    """

    rotate: float | None = option(None, "Turned either way", "degrees", ge=0, le=180)
    translate: float | None = option(None, "Moved either way, of the side", "fraction", ge=0, le=1)
    scale: float | None = option(None, "Larger or smaller", "fraction", ge=0, lt=1)
    hflip: bool | None = option(None, "Half of the images, left to right", "yes or no")
    vflip: bool | None = option(None, "Half of the images, upside down", "yes or no")
    shear: float | None = option(None, "Slanted either way", "degrees", ge=0, le=60)
    aspect: float | None = option(None, "Wider or higher", "fraction", ge=0, le=4)
    crop: float | None = option(None, "Cut away at most, of the area", "fraction", ge=0, lt=1)
    brightness: float | None = option(
        None, "Lighter or darker, of the full range", "fraction", ge=0, le=1
    )
    contrast: float | None = option(None, "Stronger or weaker", "fraction", ge=0, le=1)
    saturation: float | None = option(None, "More or less color", "fraction", ge=0, le=1)
    hue: float | None = option(None, "Colors turned about the grays", "degrees", ge=0, le=180)
    erase: float | None = option(
        None, "A rectangle erased, at most, of the area", "fraction", ge=0, lt=1
    )
    mixup: float | None = option(
        None, "Another image laid over at most, its label too", "fraction", ge=0, le=1
    )
    cutmix: float | None = option(
        None, "A rectangle of another image at most, of the area", "fraction", ge=0, le=1
    )

    _text: str = PrivateAttr("")  #: as given, and as it is written to files

    def __str__(self) -> str:
        return self._text

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse text such as "rotate=15,translate=0.1,hflip=no".

        Raises OptionError, with {augment_params} where it names the option.
        """
        example = "takes ranges by name, as in rotate=15,translate=0.1"
        values = parse_pairs(text, "{augment_params}", example)
        params = cls.read(values, source="{augment_params}")
        params._text = text  # noqa: SLF001 - of this class
        return params


def _parsed(value: Any) -> Any:
    """Parse ranges given as text."""
    if value is None or isinstance(value, AugmentParams):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "text")
    try:
        return AugmentParams.parse(value)
    except OptionError as error:
        raise PydanticCustomError("ranges", "{reason}", {"reason": str(error)}) from None


Ranges = Annotated[
    AugmentParams | None,
    BeforeValidator(_parsed),
    PlainSerializer(lambda params: None if params is None else str(params)),
]


#: names of the zoo networks, to check one before torch is imported
NETWORK_NAMES = (
    *("mlp", "locally_connected", "lenet5", "lenet5_1998", "alexnet", "alexnet_2014", "zfnet"),
    *("vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"),
    *("googlenet", "googlenet_bn", "inception_v2", "inception_v3", "inception_v4"),
    *("inception_resnet_v2", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnet20", "resnet32", "resnet44", "resnet56", "resnet110"),
    *("plain20", "plain32", "plain44", "plain56"),
    *("densenet121", "densenet169", "densenet201", "densenet161"),
    *("squeezenet1_0", "squeezenet1_1", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small"),
    *("mobilenet_v3_large", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
    "pilotnet",
    *("conv_autoencoder", "compressive_autoencoder", "dncnn", "edsr"),
    *("fcn32s", "fcn16s", "fcn8s", "unet"),
    *("dcgan", "dcgan_generator", "dcgan_discriminator"),
    *("lenet5_1d", "resnet18_1d", "deepbind"),
)
_WORD = re.compile(r"[\w-]+(\(.*)?")


def check_network(name: str) -> None:
    """Raise OptionError for a plain name that is not in the zoo.

    Arguments in parentheses, names of other libraries, files and folders are checked when the
    network is built.
    """
    for prefix in ("fcn:", "regions:", "cosine:", "patches:"):
        name = name.removeprefix(prefix)
    if _WORD.fullmatch(name) and (word := name.partition("(")[0]) not in NETWORK_NAMES:
        raise unknown("network", word, NETWORK_NAMES)
