"""Are planted motifs found? Kernels of a network on DNA against JASPAR, and k-mers as a rival.

    pip install pyjaspar scikit-learn
    python benchmarks/motifs.py --out results/motifs

Ten motifs of JASPAR 2024 (CORE, read through pyjaspar; its help says that its data can be used
without restrictions) are drawn from their matrices and planted into random letters: none to three
a sequence, each on either strand. A DeepBind network learns which are there. Its kernels, as the
letters that they respond to, are compared with the ten matrices on both strands; a motif counts as
found if one kernel has a similarity of 0.75 or more that at most 1 % of matrices with shuffled
columns reach. A logistic regression of counts of k-mers, both strands together, is told the same
training sequences. AUROC is the mean over the motifs, on the same held-out sequences.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyjaspar import jaspardb
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import striate
from striate.data.signals.letters import decode, encode, other_strand
from striate.look.attributions import draw_attributions
from striate.look.known_motifs import Known
from striate.look.motifs import draw_motifs, find_motifs
from striate.metrics.motifs import compare_motifs, frequencies

IDS = ("MA0099.4", "MA0139.2", "MA0035.5", "MA0083.3", "MA0506.3", "MA0148.5", "MA0466.4",
       "MA0028.3", "MA0060.4", "MA0114.5")  # fmt: skip
FEWEST = 10
NETWORK = "deepbind(motifs=64,width=18,hidden=0)"


def read_motifs() -> dict[str, NDArray[np.float64]]:
    """Return name -> shares (L, 4) of the letters of each motif."""
    base = jaspardb(release="JASPAR2024")
    found = (base.fetch_motif_by_id(each) for each in IDS)
    return {
        each.name.replace("::", "-"): frequencies(np.array([each.counts[b] for b in "ACGT"]).T)
        for each in found
    }


def plant(
    motifs: dict[str, NDArray[np.float64]], count: int, length: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return codes (N, L) and which motifs each sequence has (N, K)."""
    random, shares = np.random.default_rng(seed), list(motifs.values())
    codes = random.integers(0, 4, (count, length)).astype(np.uint8)
    held = np.zeros((count, len(shares)), np.int64)
    for row in range(count):
        slots = random.permutation(length // 25)  # apart, so that none covers another
        for slot, number in enumerate(random.permutation(len(shares))[: random.integers(0, 4)]):
            site = (random.random((len(shares[number]), 1)) > shares[number].cumsum(1)).sum(1)
            site = site.clip(0, 3).astype(np.uint8)
            site = other_strand(site) if random.random() < 0.5 else site
            at = 25 * int(slots[slot]) + int(random.integers(0, 25 - len(site)))
            codes[row, at : at + len(site)] = site
            held[row, number] = 1
    return codes, held


def count_kmers(codes: NDArray[np.uint8], k: int) -> NDArray[np.float32]:
    """Return how often each k-mer or its reverse complement stands in codes (N, L)."""
    every = ["".join(letters) for letters in product("ACGT", repeat=k)]
    turned = [decode(other_strand(encode(word.encode()))) for word in every]
    names = sorted({min(pair) for pair in zip(every, turned, strict=True)})
    place = {name: at for at, name in enumerate(names)}
    column = np.array([place[min(pair)] for pair in zip(every, turned, strict=True)])
    powers = 4 ** np.arange(k)[::-1]
    windows = np.lib.stride_tricks.sliding_window_view(codes, k, axis=1) @ powers
    counts = np.zeros((len(codes), len(names)), np.float32)
    for row, words in enumerate(column[windows]):
        counts[row] = np.bincount(words, minlength=len(names))
    return counts


def fit_kmers(
    train: NDArray[np.uint8], labels: NDArray[np.int64], test: NDArray[np.uint8], k: int
) -> NDArray[np.float64]:
    """Return the probabilities (N, K) that logistic regression gives test sequences."""
    seen, shown = count_kmers(train, k), count_kmers(test, k)
    spread = seen.std(axis=0) + 1e-6
    models = (
        LogisticRegression(C=0.01, max_iter=200).fit(seen / spread, column) for column in labels.T
    )
    return np.stack([each.predict_proba(shown / spread)[:, 1] for each in models], axis=1)


def write_table(
    file: Path, names: list[str], parts: dict[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]
) -> None:
    with file.open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["sequence", "split", *names])
        for split, (codes, held) in parts.items():
            for each, labels in zip(codes, held.tolist(), strict=True):
                rows.writerow([decode(each), split, *labels])


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    asked.add_argument("--out", type=Path, default=Path("motifs"))
    asked.add_argument("--train", type=int, default=6000)
    asked.add_argument("--length", type=int, default=150)
    asked.add_argument("--epochs", type=int, default=25)
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    motifs = read_motifs()
    sizes = {"train": given.train, "validation": given.train // 6, "test": given.train // 3}
    parts = {
        split: plant(motifs, count, given.length, 3 * given.seed + at)
        for at, (split, count) in enumerate(sizes.items())
    }
    table, run = given.out / "sites.csv", given.out / "run"
    write_table(table, list(motifs), parts)
    began = cpu_seconds()
    striate.train(table, task="multilabel", network=NETWORK, optimizer="adamw", learning_rate=0.01,
                  epochs=given.epochs, seed=given.seed, threads=1, precision="float32",
                  autotune="no", batch=32, out=run)  # fmt: skip
    taken = cpu_seconds() - began
    model = striate.load(run)
    test, held = parts["test"]
    rated = model.decode(np.ascontiguousarray(test[:, :, None]))
    result = {
        "seed": given.seed, "sequences": sizes, "network": NETWORK, "cpu seconds": round(taken, 1),
        "AUROC": round(float(roc_auc_score(held, rated)), 4),
        "AUROC of k-mers": {
            k: round(float(roc_auc_score(held, fit_kmers(*parts["train"], test, k))), 4)
            for k in (5, 6)
        },
    }  # fmt: skip
    kernels, matches = find_motifs(model, test[:, :, None]), dict[str, dict[str, object]]()
    for name, known in motifs.items():
        best = max(
            (compare_motifs(shares, known), number)
            for number, shares in enumerate(kernels.shares)
            if kernels.sites[number] >= FEWEST
        )
        match, number = best
        found = Known(name, match).alike
        matches[name] = {"kernel": number, **match._asdict(), "found": found}
        print(f"{name:12} kernel {number:2}  {match.similarity:.3f}  p {match.p:.3f}  {found}")
    result |= {"found": sum(bool(each["found"]) for each in matches.values()), "motifs": matches}
    draw_motifs(model, test[:, :, None]).write(given.out / "motifs.png")
    names = [f"test sequence {row + 1}" for row in range(4)]
    draw_attributions(model, test[:4, :, None], names).write(given.out / "letters.png")
    (given.out / "motifs.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "motifs"}))


if __name__ == "__main__":
    main()
