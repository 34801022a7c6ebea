"""Schedule: queue and cancel; `plan` and `simulate` have files of their own."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import ask, letter, read_day
from newsletter.cli.planning import AsJson, plan
from newsletter.cli.printing import (
    accent,
    muted,
    number,
    say,
    say_json,
    say_table,
    slot_time,
    utc,
)
from newsletter.cli.simulating import simulate
from newsletter.errors import Refused

if TYPE_CHECKING:
    from newsletter.domain.queueing import QueueEntry
    from newsletter.pipeline.queue import QueueRow

PANEL = "Schedule"
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command("queue", rich_help_panel=PANEL)(queue)
    app.command("cancel", rich_help_panel=PANEL)(cancel)
    app.command("plan", rich_help_panel=PANEL)(plan)
    app.command("simulate", rich_help_panel=PANEL)(simulate)


def queue(
    ctx: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="TARGET", help="A series, or issues of it; without one, list the queue."),
    ] = None,
    at: Annotated[
        date | None, typer.Option(parser=read_day, metavar="DATE", help="Take or move to this date.")
    ] = None,
    swap: Annotated[bool, typer.Option("--swap", help="Let two queued issues change places.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Approve issues and give each the next free slot; without a target, list the queue.

    Queued again with new content, an issue shows what changed and keeps its slot. In a sequence it has none:
    it goes to those whose turn it is.

    Example: newsletter queue back-pain --dry-run
    """
    app = letter(ctx)
    now = app.clock.now()
    if not targets and (at or swap or dry_run):
        raise Refused("--at, --swap and --dry-run need a target", mend="name a series or an issue")
    if not targets:
        rows = app.queueing.rows()
        say_json(rows) if as_json else _say_queue(rows, app.database.name)
        return
    if swap:
        if len(targets) != 2 or dry_run or at:
            raise Refused("--swap takes two queued issues and nothing else")
        entries = app.queueing.swap(targets[0], targets[1], now)
    else:
        entries = app.queueing.queue(targets, now=now, at=at, dry_run=dry_run)
    if as_json:
        say_json(entries)
        return
    _say_entries(entries)
    if dry_run:
        say(muted("dry run: nothing was changed"))
    else:
        say(accent("next: newsletter plan"))


def cancel(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET")],
    dry_run: DryRun = False,
) -> None:
    """Free the slot of an issue, or stop what is left of a send and say how many went.

    An issue of a sequence is taken out of it.

    Example: newsletter cancel back-pain/neck
    """
    app = letter(ctx)
    would = app.cancelling.cancel(target, app.clock.now(), dry_run=True)
    for one in would:
        if one.freed:
            say(f"{one.target}: its slot of {one.freed} becomes free")
        elif one.withdrawn:
            stops = f"; {number(one.stopped)} mails are stopped" if one.stopped else ""
            say(f"{one.target}: taken out of the sequence{stops}; back with: newsletter queue {one.target}")
        else:
            stopped, gone = number(one.stopped), number(one.gone)
            say(f"{one.target}: {stopped} mails are stopped, {gone} have gone or may have")
    if dry_run:
        say(muted("dry run: nothing was changed"))
        return
    ask(ctx, f"Cancel {target}?" if len(would) == 1 else f"Cancel {len(would)} issues of {target}?")
    app.cancelling.cancel(target, app.clock.now())
    say("cancelled")


def _say_queue(rows: "list[QueueRow]", database: str) -> None:
    if not rows:
        say(f"the queue in {database} is empty")
        say(accent("next: newsletter queue SERIES"))
        return
    say_table(
        ["issue", "slot", "UTC", "state", "recipients", "accepted"],
        [
            (
                row.slot.target,
                slot_time(row.due_at, row.zone, row.slot.local_date, row.each_zone),
                utc(row.due_at),
                _state(row),
                row.planned if row.release else "",
                row.counts.get("accepted", 0) if row.release else "",
            )
            for row in rows
        ],
        right=(4, 5),
    )


def _state(row: "QueueRow") -> str:
    if row.release is None:
        return row.slot.state.value
    if row.is_empty:
        return "no issue"
    state = row.release.state.value
    return f"{state} (rehearsal)" if row.release.is_rehearsal else state


def _say_entries(entries: "list[QueueEntry]") -> None:
    for entry in entries:
        when = _when(entry)
        moved = f" (was {entry.moved_from})" if entry.moved_from else ""
        say(f"{entry.target:<28} {entry.change.value:<10} {when}{moved}")
        for line in entry.difference:
            say(muted(f"    {line}"))
    for note in dict.fromkeys(entry.note for entry in entries if entry.note):
        say(note)


def _when(entry: "QueueEntry") -> str:
    if entry.due_at is None:
        return ""
    turn = "in turn from " if entry.in_turn else ""
    when = turn + slot_time(entry.due_at, entry.zone, entry.local_date, entry.each_zone)
    return when if entry.each_zone else f"{when}  {muted(utc(entry.due_at))}"
