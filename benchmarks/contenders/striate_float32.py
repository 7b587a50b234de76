"""striate held to float32, which is what the other contenders compute in."""

from __future__ import annotations

from contender import Clock, parse
from striate_train import main, shared

if __name__ == "__main__":
    task = parse()
    main(task, Clock(), [*shared(task), "--precision", "float32"], "")
