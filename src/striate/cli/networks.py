"""`striate networks`."""

from __future__ import annotations

import click

from striate.cli.command import VerbCommand, as_json
from striate.cli.output import print_json


@click.command("networks", cls=VerbCommand)
@as_json
def command(as_json: bool) -> int:
    """List the networks of the zoo.

    Example: striate networks
    """
    from striate.cli.lazy import verbs

    cards = verbs.networks()
    if as_json:
        print_json(
            [
                {
                    "name": card.name,
                    "paper": card.paper,
                    "year": card.year,
                    "input": card.input,
                    "classes": card.classes,
                    "params": card.params,
                    "macs": card.macs,
                    "receptive_field": card.receptive_field,
                    "output": card.output,
                    "any_size": card.any_size,
                }
                for card in cards
            ]
        )
        return 0
    click.echo(repr(cards))
    return 0
