"""`striate networks`."""

from __future__ import annotations

import click

from striate.cli.output import print_json
from striate.cli.verb import Verb, as_json
from striate.text import columns


@click.command("networks", cls=Verb)
@as_json
def command(as_json: bool) -> int:
    """List the networks of the zoo.

    Example: striate networks
    """
    from striate.cli.loading import verbs

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
                    "field": card.field,
                    "gives": card.gives,
                    "any_size": card.any_size,
                }
                for card in cards
            ]
        )
        return 0
    from striate.anatomy.layer import amount, volume

    rows = [
        (
            card.name,
            card.paper,
            str(card.year),
            volume(card.input),
            f"{card.params:,}",
            amount(card.macs),
            f"{card.field:,}" if card.field else "all",
        )
        for card in cards
    ]
    heads = ("network", "paper", "year", "input", "parameters", "MACs", "field")
    click.echo("\n".join(columns([heads, *rows], left=(0, 1))))
    return 0
