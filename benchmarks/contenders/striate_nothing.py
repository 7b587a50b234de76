"""`striate train PHOTOS --weights none`: the same, but training from nothing."""

from __future__ import annotations

from contender import Clock, parse
from striate_photos import main

if __name__ == "__main__":
    main(parse(), Clock(), ("--weights", "none"))
