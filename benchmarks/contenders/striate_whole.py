"""striate that passes every image through the frozen stages again in every epoch, as others do.

No option asks for that: the cut between the stages is hidden from it.
"""

from __future__ import annotations

from contender import Clock, parse
from striate_train import main, shared

from striate.training import front, recipe

if __name__ == "__main__":
    task = parse()
    for module in (front, recipe):
        module.split_network = lambda *_: None
    main(task, Clock(), shared(task), "")
