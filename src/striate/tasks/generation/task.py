"""Generation: a network that makes images like those given, against one that judges them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NoReturn, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from striate.data.listing.target_spec import TargetSpec
from striate.errors import OptionError, printable, unknown
from striate.layers import Adversarial, Generated, Judged
from striate.metrics.frechet import Moments, measure_frechet
from striate.options import StepOptions
from striate.options.base import option
from striate.options.task_params import TaskParams
from striate.tasks.figures import Figure
from striate.tasks.generation.compare import compare, draw_grid, make_images
from striate.tasks.generation.features import FEATURES, compute_features
from striate.tasks.generation.metrics import FRECHET, TOLD_APART, VARIETY, measure_variety
from striate.tasks.generation.results import GenerationResults
from striate.tasks.generation.sections import COLLAPSED
from striate.tasks.generation.turns import DiscriminatorTurn, GeneratorTurn
from striate.tasks.results import About
from striate.tasks.task import Batches, Loss, MadeImages, Sums, Task, Update

#: what a network gives: real images and generated ones, each with what the discriminator says
Outputs = tuple[Judged, Generated]

_SUMS = ("real", "real_products", "made", "made_products")
_WINS = 0.95  #: share told apart, of training images, above which the discriminator wins
_SETTLED = 10  #: epoch before which neither of the two is said to have won


class GenerationParams(TaskParams):
    """Settings of generation, as in `--task-params "shift=0.25"`."""

    shift: float = option(
        0.125, "Largest shift of what the discriminator sees", "share of the side", ge=0, le=0.5
    )


@dataclass(frozen=True)
class Generation(Task):
    """Images like those given. Generator and discriminator are updated in turn at each step.

    The losses are those of Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661, with the
    generator's that does not saturate (section 3); the settings those of Radford et al. 2016,
    section 4, https://arxiv.org/abs/1511.06434, but a rate of 0.0005, as the network is narrower,
    and weights that are averaged.
    """

    params: GenerationParams = field(default_factory=GenerationParams)

    name: ClassVar[str] = "generation"
    kind: ClassVar[str] = "image"
    head: ClassVar[str] = "samples"
    used_by: ClassVar[tuple[str, str]] = "generate", "--out FOLDER"
    pipeline: ClassVar[str] = "unconditional-image-generation"
    normalization: ClassVar[tuple[float, float] | None] = (0.5, 0.5)  # -1 to 1, as tanh gives
    usual: ClassVar[Mapping[str, Any]] = {
        "optimizer": "adam",
        "learning_rate": 5e-4,
        "betas": (0.5, 0.999),
        "schedule": "constant",
        "augment": "none",
        "epochs": 60,
        "ema": 0.99,
    }
    Params: ClassVar[type[GenerationParams]] = GenerationParams
    refusals: ClassVar[Mapping[str, str]] = {
        **Task.refusals,
        "accumulate": "generator and discriminator take turns at every batch",
        "label_smoothing": "there are no classes whose probability is smoothed",
        "balance": "there are no classes to balance",
    }

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The Fréchet distance of validation images from generated ones, and their variety."""
        return FRECHET, VARIETY, TOLD_APART

    @property
    def train_figure(self) -> Figure:
        """The share of real and generated training images that the discriminator tells apart."""
        return TOLD_APART

    @property
    def outputs(self) -> int:
        """Logits of the discriminator: one for each class, or one."""
        return max(1, len(self.spec.names))

    def default_network(self, side: int, channels: int) -> str:
        """Return a DCGAN, narrow enough for a CPU."""
        return "dcgan(width=32)"

    def loss(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Return the discriminator's mean loss in nats, of real and of generated images."""
        real, made = outputs
        said, of_made = self._said(real.logits, targets), self._said(made.logits, made.classes)
        return F.softplus(-said).mean() + F.softplus(of_made).mean()

    def updates(self, network: nn.Module, loss: Loss) -> tuple[Update, ...]:
        """Return the update of the discriminator, then that of the generator."""
        pair = cast(Adversarial, network)
        return (
            Update(DiscriminatorTurn(pair, self.params.shift), loss, self.count),
            Update(GeneratorTurn(pair, self.params.shift), self._fooling_loss, _count_nothing),
        )

    def configure(self, options: StepOptions) -> Generation:
        """Return the task with the settings of the options."""
        return replace(self, params=self.Params.parse(options.task_params, self.name))

    def _fooling_loss(self, made: Generated, targets: Tensor) -> Tensor:
        return F.softplus(-self._said(made.logits, made.classes)).mean()

    def _said(self, logits: Tensor, classes: Tensor) -> Tensor:
        """Return the logit (N,) of the class that each image is of."""
        if self.outputs == 1:
            return logits[:, 0].float()
        return logits.float().gather(1, classes[:, None])[:, 0]

    def count(self, outputs: Outputs, targets: Tensor) -> Sums:
        """Count the images that the discriminator tells apart, of how many."""
        real, made = outputs
        right = (self._said(real.logits, targets) > 0).sum()
        right = right + (self._said(made.logits, made.classes) < 0).sum()
        judged = torch.full_like(right, 2 * len(real.images))
        return {"right": right[None], "judged": judged[None]}

    def count_validation(self, outputs: Outputs, targets: Tensor) -> Sums:
        """Return the sums of `count`, and those of features and their outer products."""
        features = (compute_features(each.images).double() for each in outputs)
        pairs = ((each.sum(dim=0), (each.T @ each).flatten()) for each in features)
        moments = (sums for pair in pairs for sums in pair)
        return {**self.count(outputs, targets), **dict(zip(_SUMS, moments, strict=True))}

    def zero_sums(self) -> Sums:
        """Return the sums of no validation image."""
        counts = {name: torch.zeros(1, dtype=torch.int64) for name in ("right", "judged")}
        sizes = {name: FEATURES ** (2 if "products" in name else 1) for name in _SUMS}
        return counts | {n: torch.zeros(size, dtype=torch.float64) for n, size in sizes.items()}

    def measure(self, sums: Mapping[str, NDArray[np.float64]], images: int) -> dict[str, float]:
        """Return the share told apart, and of validation Fréchet distance and variety."""
        if not images:
            return {}
        found = {TOLD_APART.name: float(sums["right"][0] / sums["judged"][0])}
        if "real" not in sums or images < 2:
            return found
        real, made = (
            Moments.of_sums(images, sums[name], sums[f"{name}_products"].reshape(FEATURES, -1))
            for name in ("real", "made")
        )
        distance, variety = measure_frechet(real, made), measure_variety(made, real)
        return {FRECHET.name: distance, VARIETY.name: variety, **found}

    def diagnose(
        self, epoch: int, train: Mapping[str, float], validation: Mapping[str, float]
    ) -> Iterator[tuple[str, str]]:
        """Yield a name and a sentence where one of the two networks has won."""
        if epoch < _SETTLED:
            return
        apart = train.get(TOLD_APART.name, 0.0)
        if apart > _WINS:
            told = (
                f"the discriminator tells {TOLD_APART.show(apart)} of real and generated images "
                "apart, so that the generator hardly learns from it; likely cause: few images, or "
                "too wide a network; try more images or a narrower network"
            )
            yield "discriminator wins", told
        variety = validation.get(VARIETY.name, 1.0)
        if variety < COLLAPSED:
            told = (
                f"generated images vary {VARIETY.show(variety)} as much as real ones: the "
                "generator has collapsed to a few of them; if it does not recover, try another "
                "--seed or a lower --learning-rate"
            )
            yield "collapse", told

    def draw_epoch(self, network: nn.Module) -> NDArray[np.uint8]:
        """Return a grid of images (H, W, C) of noise that is the same after each epoch.

        Of classes it has a row each.
        """
        return draw_grid(cast(Adversarial, network))

    def generate(
        self, network: nn.Module, count: int, seed: int, class_name: str | None = None
    ) -> Iterator[MadeImages]:
        """Yield blocks of new images, those of a seed whatever the count."""
        label = None if class_name is None else self._label_of(class_name)
        return make_images(cast(Adversarial, network), count, seed, label)

    def _label_of(self, name: str) -> int:
        if not self.spec.names:
            raise OptionError(
                f"the model knows no class {printable(repr(name))}, as it learned from images "
                "alone; train one with --task conditional_generation"
            )
        if name not in self.spec.names:
            raise unknown("class", name, self.spec.names)
        return self.spec.names.index(name)

    def decode(self, outputs: Outputs) -> Tensor:
        """Return real and generated images, (N, 2, C, H, W) from -1 to 1."""
        real, made = outputs
        return torch.stack([real.images, made.images.to(real.images.dtype)], dim=1)

    def evaluate(self, batches: Batches, about: About) -> GenerationResults:
        """Compare real images with generated ones, batch by batch."""
        return GenerationResults(about, *compare(decoded for decoded, _ in batches))

    @property
    def blank(self) -> NoReturn:
        """Raise OptionError: nothing is answered about an image."""
        _refuse()

    def answer(self, decoded: NDArray[Any], top: int) -> NoReturn:
        """Raise OptionError: nothing is answered about an image."""
        _refuse()

    def merge(self, others: Sequence[TargetSpec]) -> NoReturn:
        """Raise OptionError: the mean of images of several generators is none."""
        raise OptionError(
            "an ensemble averages answers, but this model makes images, whose mean is blurred; "
            "give one model"
        )


@dataclass(frozen=True)
class ConditionalGeneration(Generation):
    """Images like those given, each of a class that the generator is told.

    Mirza and Osindero 2014, https://arxiv.org/abs/1411.1784: generator and discriminator are given
    the class too. Here it is one-hot beside the noise, and the discriminator has a logit for each
    class, of which that of the image's class is trained: Mescheder et al. 2018, appendix D,
    https://arxiv.org/abs/1801.04406.
    """

    name: ClassVar[str] = "conditional_generation"
    kind: ClassVar[str] = "label"
    pipeline: ClassVar[str] = ""
    refusals: ClassVar[Mapping[str, str]] = {
        **{name: why for name, why in Generation.refusals.items() if name != "balance"},
        "balance=weights": "the losses have none; --balance sampling shows all classes alike",
        "label_smoothing": "no probability of a class is learned",
    }


def _refuse() -> NoReturn:
    raise OptionError(
        "the model makes images and answers nothing about those given; "
        "striate generate MODEL --out FOLDER makes some"
    )


def _count_nothing(outputs: Generated, targets: Tensor) -> Sums:  # noqa: ARG001
    return {}
