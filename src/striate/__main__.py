"""`python -m striate`."""

from striate.cli import run

run()
