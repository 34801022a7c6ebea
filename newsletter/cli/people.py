"""Subscribers: add, import, list, pause, resume."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import letter
from newsletter.cli.printing import accent, local, muted, number, say, say_json, say_table
from newsletter.errors import Refused

if TYPE_CHECKING:
    from newsletter.pipeline.pausing import PauseRow
    from newsletter.pipeline.subscribing import Imported

Series = Annotated[str | None, typer.Option(help="The series; needless where there is one only.")]
ConsentText = Annotated[
    str, typer.Option("--consent", help="How these people agreed; kept with each of them.")
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS")]
OwnSeries = Annotated[str | None, typer.Option("--series", help="The series; all of theirs without it.")]

group = typer.Typer(no_args_is_help=True, help="The people: add, import, list, pause, resume.")


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
    result = letter(ctx).add_subscriber(address, name, zone, series, consent)
    _say_result(result, "added")


@group.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file with a header: address, name, zone, received.")],
    series: Series = None,
    consent: ConsentText = "",
    as_json: AsJson = False,
) -> None:
    """Add the people of a CSV file; nobody who left is brought back.

    Its column received names issues that they have had elsewhere and get no more: lower-back neck, or ..neck
    for that one and all before it.

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
    as_json: AsJson = False,
) -> None:
    """List subscriptions.

    Example: newsletter subscribers list --json
    """
    app = letter(ctx)
    rows, now = app.subscribing.rows(series), app.clock.now()
    if as_json:
        say_json(rows)
        return
    say_table(
        ["address", "name", "zone", "series", "state"],
        [(row.address, row.name, row.zone, row.series, row.standing(now)) for row in rows],
    )
    say(muted(f"{number(len(rows))} subscription{'s' if len(rows) != 1 else ''}"))


@group.command("pause")
def pause(
    ctx: typer.Context,
    address: Address,
    series: OwnSeries = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day on which mail comes again.")
    ] = None,
    weeks: Annotated[int | None, typer.Option(min=1, max=520, help="So many weeks from today.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send one person nothing for a while; what is on its way already still comes.

    Example: newsletter subscribers pause ada@example.org --until 2026-12-20
    """
    app = letter(ctx)
    day = until.date() if until else None
    rows = app.pausing.pause(address, series, app.clock.now(), until=day, weeks=weeks)
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


def _say_result(result: "Imported", what: str) -> None:
    for refusal in result.refused:
        say(f"line {refusal.line}: {refusal.reason}" if refusal.line else refusal.reason)
    parts = [f"{number(result.added)} {what}"]
    if result.kept:
        parts.append(f"{number(result.kept)} were subscribed already")
    if result.left:
        parts.append(f"{number(result.left)} had left and stay away")
    if result.received:
        of_kept = result.received_by_kept
        by = f" ({number(of_kept)} by people who were subscribed already)" if of_kept else ""
        issues = "issues" if result.received > 1 else "issue"
        parts.append(f"{number(result.received)} {issues} noted as received elsewhere{by}")
    if result.refused:
        parts.append(f"{number(len(result.refused))} refused")
    say(", ".join(parts))


def _refuse_nobody(result: "Imported") -> None:
    if result.refused and not (result.added or result.kept or result.left):
        raise Refused("nobody in the file could be added", mend="mend the lines above and import it again")
