"""Subscribers: show, unsubscribe, forget, form."""

from typing import Annotated

import typer

from newsletter.cli.context import ask, letter
from newsletter.cli.lists import AsJson, Series
from newsletter.cli.printing import accent, local, muted, say, say_json, utc

_Address = Annotated[str, typer.Argument(metavar="ADDRESS")]
_OwnSeries = Annotated[str | None, typer.Option("--series", help="The series; all of theirs without it.")]


def add_to(group: typer.Typer) -> None:
    """Add the commands to their group."""
    for name, command in (("show", show), ("unsubscribe", unsubscribe), ("forget", forget), ("form", form)):
        group.command(name)(command)


def show(ctx: typer.Context, address: _Address, as_json: AsJson = False) -> None:
    """Show one person: what they get, and how they agreed.

    Example: newsletter subscribers show ada@example.org
    """
    found = letter(ctx).leaving.show(address)
    if as_json:
        say_json(found)
        return
    say(", ".join(part for part in (found.address, found.name, found.zone) if part))
    if found.suppressed:
        say(f"suppressed: {found.suppressed}")
    for one in found.subscriptions:
        until = one.paused_until
        say(f"{one.series}: {one.state}" + (f", paused until {local(until, 'UTC')}" if until else ""))
    for event in found.events:
        text = f": {event.text}" if event.text else ""
        say(f"  {muted(utc(event.at))}  {event.series} {event.what} by {event.how}{text}")
    say(accent(f"what they were sent: newsletter explain {found.address}"))


def unsubscribe(
    ctx: typer.Context, address: _Address, series: _OwnSeries = None, as_json: AsJson = False
) -> None:
    """End one person's subscription, or all of theirs; only they themselves can come back.

    Example: newsletter subscribers unsubscribe ada@example.org --series back-pain
    """
    app = letter(ctx)
    left = app.leaving.unsubscribe(address, series, app.clock.now())
    if as_json:
        say_json([{"address": address, "series": one} for one in left])
        return
    for one in left:
        say(f"{address} gets no more of {one}")


def forget(ctx: typer.Context, address: _Address) -> None:
    """Erase one person for ever: their address, name and zone; no list brings them back.

    Example: newsletter subscribers forget ada@example.org
    """
    app = letter(ctx)
    app.leaving.show(address)
    ask(ctx, f"Forget {address}? It cannot be undone.")
    app.leaving.forget(address, app.clock.now())
    say(f"{address} is forgotten")


def form(ctx: typer.Context, series: Series = None) -> None:
    """Print a plain HTML form to paste into any website.

    Example: newsletter subscribers form --series back-pain
    """
    say(letter(ctx).enrolling.form(series))
