"""DeepBind (2015): motifs slid along a sequence of DNA, and the best place of each.

Alipanahi, Delong, Weirauch, Frey: Predicting the sequence specificities of DNA- and RNA-binding
proteins by deep learning, Nature Biotechnology 33, 2015, figure 2 and supplementary notes 1 and 2.
https://doi.org/10.1038/nbt.3300

| part   | what                              | output | parameters |
| ------ | --------------------------------- | ------ | ---------- |
| motifs | convolutions of 24, rectified     | 16x124 | 1,552      |
| best   | the highest response of each      | 16     | 0          |
| hidden | dense, rectified, half left out   | 32     | 544        |
| head   | dense                             | 2      | 66         |

A kernel of the first layer has a weight for each letter at each of its places: it is a motif, and
is drawn as a sequence logo. `motifs` and `width` are their number and length, which the paper
varies; a width of one and a half times the longest motif expected is its advice. With `hidden=0`
there is no hidden layer, which the paper tries too.
Not as in the paper: outputs are logits of classes, not a score of binding; beyond its ends a
sequence has zeros instead of a fourth of each letter; training is striate's.
"""

from __future__ import annotations

from torch import nn

from striate.layers import chain
from striate.zoo.pages.card import Card


def deepbind(*, channels: int = 4, classes: int = 2, motifs: int = 16, width: int = 24,
             hidden: int = 32) -> nn.Sequential:  # fmt: skip
    """(N, channels, L) -> logits (N, classes)."""
    conv = nn.Conv1d(channels, motifs, width, padding=width - 1)
    parts = {
        "motifs": chain(conv=conv, relu=nn.ReLU(inplace=True)),
        "best": chain(pool=nn.AdaptiveMaxPool1d(1), flatten=nn.Flatten()),
    }
    if hidden:
        parts["hidden"] = chain(dense=nn.Linear(motifs, hidden), relu=nn.ReLU(inplace=True),
                                dropout=nn.Dropout(0.5))  # fmt: skip
    return chain(**parts, head=nn.Linear(hidden or motifs, classes))


CARDS = (
    Card("deepbind", deepbind, "Alipanahi et al.", 2015, (4, 101), 2, params=2_162, macs=191_040,
         receptive_field=24, input_kind="signal", optimizer="adamw"),
)  # fmt: skip
