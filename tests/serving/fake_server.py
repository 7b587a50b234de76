"""A server with a fake engine: python -m tests.serving.fake_server ENGINE LIMITS SETTINGS, JSON."""

from __future__ import annotations

import json
import sys

from striate.serving import crew
from striate.serving.limits import Limits
from striate.serving.server import Settings, run_server


def main() -> int:
    engine, limits, settings = map(json.loads, sys.argv[1:4])
    if settings.pop("faulty", False):
        crew._COMMAND = ("-m", "tests.serving.faulty_decoder")
    command = ("-m", "tests.serving.fake_engine", json.dumps(engine))
    told = Settings(command, port=0, limits=Limits(**limits), **settings)
    return run_server(told, lambda line: print(line, file=sys.stderr, flush=True))


if __name__ == "__main__":
    sys.exit(main())
