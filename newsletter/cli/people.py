"""Subscribers: add, list, pause, resume."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import consenting, lists
from newsletter.cli.context import letter, read_day
from newsletter.cli.lists import AsJson, ConsentText, Series, say_imported
from newsletter.cli.printing import accent, local, muted, number, say, say_json, say_table
from newsletter.domain.segment import attributes_of

if TYPE_CHECKING:
    from newsletter.pipeline.pausing import PauseRow

Address = Annotated[str, typer.Argument(metavar="ADDRESS")]
OwnSeries = Annotated[str | None, typer.Option("--series", help="The series; all of theirs without it.")]

group = typer.Typer(no_args_is_help=True, help="The people: who gets what, and how they agreed.")
lists.add_to(group)
consenting.add_to(group)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.add_typer(group, name="subscribers", rich_help_panel="Subscribers")


@group.command("add")
def add(
    ctx: typer.Context,
    address: Address,
    name: Annotated[str, typer.Option()] = "",
    zone: Annotated[str, typer.Option(help="Their zone, such as Europe/London.")] = "",
    series: Series = None,
    consent: ConsentText = "",
) -> None:
    """Add one person, with the evidence of their consent.

    Example: newsletter subscribers add ada@example.org --name Ada --consent "asked at reception, 3 Nov"
    """
    result = letter(ctx).enrolling.add(address, name, zone, series, consent)
    say_imported(result)


@group.command("list")
def list_(
    ctx: typer.Context,
    series: Series = None,
    where: Annotated[str, typer.Option(metavar="EXPR", help="Only those of this audience.")] = "",
    as_json: AsJson = False,
) -> None:
    """List subscriptions.

    Example: newsletter subscribers list --where 'zone == "Europe/London" and joined < 2026-10-01'
    """
    app = letter(ctx)
    rows, now = app.subscribing.rows(series, where), app.clock.now()
    if as_json:
        say_json(rows)
        return
    say_table(
        ["address", "name", "zone", "series", "state"],
        [(row.address, row.name, row.zone, row.series, row.standing(now)) for row in rows],
    )
    if not rows and (names := attributes_of(where)):
        say(
            muted(f"{', '.join(names)}: read as an attribute; zone, locale and joined are known of everybody")
        )
    say(muted(f"{number(len(rows))} subscription{'s' if len(rows) != 1 else ''}"))


@group.command("pause")
def pause(
    ctx: typer.Context,
    address: Address,
    series: OwnSeries = None,
    until: Annotated[
        date | None,
        typer.Option(parser=read_day, metavar="DATE", help="The first day on which mail comes again."),
    ] = None,
    weeks: Annotated[int | None, typer.Option(min=1, max=520, help="So many weeks from today.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send one person nothing for a while; what is on its way already still comes.

    Example: newsletter subscribers pause ada@example.org --until 2026-12-20
    """
    app = letter(ctx)
    rows = app.pausing.pause(address, series, app.clock.now(), until=until, weeks=weeks)
    _say_pauses(rows, as_json=as_json)
    if not as_json:
        only = f" --series {series}" if series else ""
        say(accent(f"to end it before: newsletter subscribers resume {rows[0].address}{only}"))


@group.command("resume")
def resume(ctx: typer.Context, address: Address, series: OwnSeries = None, as_json: AsJson = False) -> None:
    """End one person's pause before its time.

    Example: newsletter subscribers resume ada@example.org
    """
    app = letter(ctx)
    _say_pauses(app.pausing.resume(address, series, app.clock.now()), as_json=as_json)


def _say_pauses(rows: "list[PauseRow]", *, as_json: bool) -> None:
    if as_json:
        say_json(rows)
        return
    for row in rows:
        until = row.paused_until
        nothing = f"nothing of {row.series} until {local(until, row.zone)}" if until else ""
        say(f"{row.address} gets {nothing or f'{row.series} again'}")
