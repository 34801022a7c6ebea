"""Subscribers: explain."""

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import letter
from newsletter.cli.printing import accent, muted, say, say_json, say_table, utc

if TYPE_CHECKING:
    from newsletter.domain.explaining import Explanation


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", rich_help_panel="Subscribers")(explain)


def explain(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="A series or an issue; without it, theirs.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the evidence of each.")] = False,
) -> None:
    """Say why a person got an issue, or did not, with the evidence.

    Example: newsletter explain ada@example.org back-pain/neck
    """
    app = letter(ctx)
    found = app.explaining.explain(address, target, app.clock.now())
    if as_json:
        say_json(found)
    elif len(found) == 1:
        _say_one(address, found[0])
    elif not found:
        say("there is no series yet")
        say(accent("next: newsletter queue SERIES"))
    else:
        say_table(["issue", "answer"], [(one.target, one.sentence) for one in found])
        say(muted(f"with the evidence: newsletter explain {address} {found[-1].target}"))


def _say_one(address: str, found: "Explanation") -> None:
    say(f"{address}, {found.target}: {found.sentence}")
    width = max((len(one.what) for one in found.evidence), default=0)
    for one in found.evidence:
        instant = utc(one.at) if one.at else ""
        say(f"  {muted(f'{instant:<17}')}  {one.what:<{width}}  {one.detail}".rstrip())
