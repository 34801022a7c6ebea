"""Subscribers: add, import, list."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import letter
from newsletter.cli.printing import muted, number, say, say_json, say_table
from newsletter.errors import Refused

if TYPE_CHECKING:
    from newsletter.pipeline.subscribing import Imported

Series = Annotated[str | None, typer.Option(help="The series; needless where there is one only.")]
ConsentText = Annotated[
    str, typer.Option("--consent", help="How these people agreed; kept with each of them.")
]

group = typer.Typer(no_args_is_help=True, help="The people: add, import, list.")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.add_typer(group, name="subscribers", rich_help_panel="Subscribers")


@group.command("add")
def add(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    name: Annotated[str, typer.Option()] = "",
    zone: Annotated[str, typer.Option(help="Their zone, such as Europe/London.")] = "",
    series: Series = None,
    consent: ConsentText = "",
) -> None:
    """Add one person, with the evidence of their consent.

    Example: newsletter subscribers add ada@example.org --name Ada --consent "asked at reception, 3 Nov"
    """
    result = letter(ctx).add_subscriber(address, name, zone, series, consent)
    _say_result(result, "added")


@group.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file with a header: address, name, zone.")],
    series: Series = None,
    consent: ConsentText = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Add the people of a CSV file; nobody who left is brought back.

    Example: newsletter subscribers import people.csv --consent "paper form, reception, October 2026"
    """
    result = letter(ctx).import_subscribers(file, series, consent)
    if as_json:
        say_json(result)
    else:
        _say_result(result, f"added from {file}")
    _refuse_nobody(result)


@group.command("list")
def list_(
    ctx: typer.Context,
    series: Series = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List subscriptions.

    Example: newsletter subscribers list --json
    """
    rows = letter(ctx).subscribing.rows(series)
    if as_json:
        say_json(rows)
        return
    say_table(
        ["address", "name", "zone", "series", "state"],
        [(row.address, row.name, row.zone, row.series, row.suppressed or row.state.value) for row in rows],
    )
    say(muted(f"{number(len(rows))} subscription{'s' if len(rows) != 1 else ''}"))


def _say_result(result: "Imported", what: str) -> None:
    for refusal in result.refused:
        say(f"line {refusal.line}: {refusal.reason}" if refusal.line else refusal.reason)
    parts = [f"{number(result.added)} {what}"]
    if result.kept:
        parts.append(f"{number(result.kept)} were subscribed already")
    if result.left:
        parts.append(f"{number(result.left)} had left and stay away")
    if result.refused:
        parts.append(f"{number(len(result.refused))} refused")
    say(", ".join(parts))


def _refuse_nobody(result: "Imported") -> None:
    if result.refused and not (result.added or result.kept or result.left):
        raise Refused("nobody in the file could be added", mend="mend the lines above and import it again")
