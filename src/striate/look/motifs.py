"""What the first layer of a network on DNA looks for: its kernels as motifs and logos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from striate.errors import OptionError
from striate.look.known_motifs import name_kernels
from striate.look.sheet import Sheet
from striate.look.tiles import draw_tiles
from striate.metrics.motifs import frequencies, letter_bits
from striate.model import Model
from striate.plotting.logo import draw_logo
from striate.text import count_noun

_SHARE = 0.5  #: of a kernel's highest response: places below it are not counted
_BATCH = 256
_FEWEST = 10  #: sites of a motif that is compared with known ones
_ACROSS, _GAP = 4, 16  #: logos in a row; white behind each in pixels


@dataclass(frozen=True)
class Motifs:
    """The motif of each kernel of a layer."""

    layer: str
    counts: NDArray[np.float64]  #: (K, width, 4) letters at the places that a kernel responds to
    sites: NDArray[np.int64]  #: (K,) how many places these are

    @property
    def shares(self) -> NDArray[np.floating]:
        """The share of each letter, (K, width, 4)."""
        return np.stack([frequencies(counts) for counts in self.counts])


def find_kernels(model: Model) -> tuple[str, nn.Conv1d]:
    """Return name and module of the first convolution, whose channels are letters."""
    for name, module in model.network.named_modules():
        if isinstance(module, nn.Conv1d):
            return name, module
    raise OptionError(f"{model.network_name} has no convolution, so no motifs to draw")


@torch.inference_mode()
def find_motifs(model: Model, codes: NDArray[np.uint8]) -> Motifs:
    """Return the motifs of the first layer on sequences (N, size, 1), on both strands if seen.

    Of each sequence the best place of a kernel counts, if it responds there with at least half of
    its highest response. Source: Alipanahi et al. 2015, supplementary note 10.1.
    """
    name, conv = find_kernels(model)
    values, windows = list[NDArray[np.float32]](), list[NDArray[np.float32]]()
    device = conv.weight.device
    for part in torch.from_numpy(codes).split(_BATCH):
        for letters in model.preprocess.variants(model.preprocess.normalize(part.to(device))):
            value, window = _best_places(conv, letters)
            values.append(value.cpu().numpy())
            windows.append(window.cpu().numpy())
    best, seen = np.concatenate(values), np.concatenate(windows)
    high = (best >= _SHARE * best.max(axis=0, initial=0)) & (best > 0)
    counts = np.einsum("nk,nkwc->kwc", high, seen, dtype=np.float64, optimize=True)
    return Motifs(name, counts, high.sum(axis=0))


def _best_places(conv: nn.Conv1d, letters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the highest response (N, K) of each kernel, and the letters there (N, K, width, 4)."""
    width, padding = conv.kernel_size[0], int(conv.padding[0])
    value, place = conv(letters).max(dim=2)
    around = nn.functional.pad(letters, (padding, padding), value=0.25)
    steps = (place * conv.stride[0])[:, :, None] + torch.arange(width, device=letters.device)
    flat = around.transpose(1, 2)  # (N, L, 4)
    rows = torch.arange(len(letters), device=letters.device)[:, None, None]
    return value, flat[rows, steps]


def draw_motifs(
    model: Model,
    codes: NDArray[np.uint8] | None = None,
    known: Mapping[str, NDArray[np.floating]] | None = None,
) -> Sheet:
    """Draw the kernels of the first layer as sequence logos, of the sequences (N, size, 1).

    Of `known` motifs, name -> shares (L, 4), it says which kernel is like which. The height of a
    letter is in bits. Without sequences the weights are drawn: letters that a
    kernel likes more than the mean of the four stand above a line, the others hang below it.
    """
    name, conv = find_kernels(model)
    if codes is None:
        weights = conv.weight.detach().float().cpu().numpy().transpose(0, 2, 1)
        heights = weights - weights.mean(axis=2, keepdims=True)
        reach = max(_stacked(each) for each in heights)
        tiles = np.stack([draw_logo(each, reach) for each in heights])
        text = f"{count_noun(len(tiles), 'kernel')}: weights of letters less their mean"
        arrays = {"weights": weights}
    else:
        motifs = find_motifs(model, codes)
        bits = np.stack([letter_bits(shares) for shares in motifs.shares])
        bits[motifs.sites == 0] = 0
        tiles = np.stack([draw_logo(each, 2.0) for each in bits])
        text = (
            f"{count_noun(len(tiles), 'kernel')} as logos of 0 to 2 bits: letters where each "
            f"responds with half of its most or more; {len(codes):,} sequences"
        )
        if known:
            text += _tell_known(motifs, known)
        arrays = {"counts": motifs.counts, "sites": motifs.sites, "bits": bits}
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, _GAP), (0, 0)), constant_values=255)
    picture = draw_tiles(tiles, f"Motifs of {name}", text, across=min(_ACROSS, len(tiles)))
    return Sheet(picture, arrays, f"{name}: {text}")


def _tell_known(motifs: Motifs, known: Mapping[str, NDArray[np.floating]]) -> str:
    """Say which kernel is most like each known motif that some are like."""
    best = dict[str, tuple[float, int]]()
    for number, nearest in enumerate(name_kernels(motifs.shares, known)):
        if nearest.alike and motifs.sites[number] >= _FEWEST:
            one = nearest.match.similarity, number
            best[nearest.name] = max(best.get(nearest.name, one), one)
    found = sorted((number, name, alike) for name, (alike, number) in best.items())
    told = "".join(f"; kernel {number}: {name} ({alike:.2f})" for number, name, alike in found)
    return told or f"; none is like one of {count_noun(len(known), 'known motif')}"


def _stacked(heights: NDArray[np.floating]) -> float:
    """Return the height of the highest stack of letters, above or below the line."""
    above, below = np.maximum(heights, 0).sum(axis=1), np.maximum(-heights, 0).sum(axis=1)
    return float(max(above.max(), below.max())) or 1.0
