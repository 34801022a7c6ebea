"""Schedule: queue, cancel, plan, simulate."""

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import ask, letter
from newsletter.cli.printing import (
    accent,
    local,
    muted,
    number,
    red,
    say,
    say_json,
    say_table,
    slot_time,
    utc,
)
from newsletter.domain.icalendar import Entry, to_ics
from newsletter.domain.release import spell
from newsletter.errors import CheckFailed, Refused

if TYPE_CHECKING:
    from newsletter.domain.queueing import QueueEntry
    from newsletter.pipeline.comparing import Difference
    from newsletter.pipeline.planning import Plan, PlannedSlot
    from newsletter.pipeline.queueing import QueueRow

PANEL = "Schedule"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]

_ZONES_NAMED = 5
_WHAT = {"due_at": "slot", "subject": "subject", "recipients": "recipients", "blockers": "in the way:"}


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command("queue", rich_help_panel=PANEL)(queue)
    app.command("cancel", rich_help_panel=PANEL)(cancel)
    app.command("plan", rich_help_panel=PANEL)(plan)
    app.command("simulate", rich_help_panel=PANEL)(simulate)


def queue(
    ctx: typer.Context,
    targets: Annotated[list[str] | None, typer.Argument(metavar="[TARGET…]")] = None,
    at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Take or move to this date.")
    ] = None,
    swap: Annotated[bool, typer.Option("--swap", help="Let two queued issues change places.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Approve issues and give each the next free slot; without a target, list the queue.

    Queued again with new content, an issue shows what changed and keeps its slot.

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
        entries = app.queueing.queue(targets, now=now, at=at.date() if at else None, dry_run=dry_run)
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

    Example: newsletter cancel back-pain/neck
    """
    app = letter(ctx)
    would = app.queueing.cancel(target, app.clock.now(), dry_run=True)
    for one in would:
        if one.freed:
            say(f"{one.target}: its slot of {one.freed} becomes free")
        else:
            stopped, gone = number(one.stopped), number(one.gone)
            say(f"{one.target}: {stopped} mails are stopped, {gone} have gone or may have")
    if dry_run:
        say(muted("dry run: nothing was changed"))
        return
    ask(ctx, f"Cancel {len(would)} of {target}?")
    app.queueing.cancel(target, app.clock.now())
    say("cancelled")


def plan(
    ctx: typer.Context,
    weeks: Annotated[int, typer.Option(min=1, help="How far to look.")] = 8,
    check: Annotated[bool, typer.Option("--check", help="Exit 3 where something is in the way.")] = False,
    diff: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Say what changed since this plan --json.")
    ] = None,
    ics: Annotated[bool, typer.Option("--ics", help="Print a calendar file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say who gets what, when, and what is in the way.

    Example: newsletter plan --weeks 4

    newsletter plan --json > monday.json; newsletter plan --diff monday.json
    """
    app = letter(ctx)
    if ics and (as_json or diff):
        raise Refused("--ics prints a calendar, and nothing else", mend="leave out --json and --diff")
    from newsletter.pipeline.comparing import differences, read_plan  # noqa: PLC0415

    before = read_plan(diff) if diff else None
    planned = app.planning.plan(app.clock.now(), weeks)
    if before is not None:
        found = differences(before, planned)
        say_json(found) if as_json else _say_differences(found)
    elif ics:
        sys.stdout.write(to_ics(_entries(planned), app.clock.now()))
    elif as_json:
        say_json(planned)
    else:
        _say_moves(planned)
        _say_plan(planned.slots)
        for empty in planned.empty:
            say(f"{empty.series}: {local(empty.due_at, empty.zone)} has no approved issue, nothing is sent")
        if planned.unqueued:
            say(f"no slot yet: {', '.join(planned.unqueued)}")
        if app.provider_is_rehearsal:
            say(muted("outbox: nothing leaves this machine"))
    if check and planned.blockers:
        raise CheckFailed(f"{number(planned.blockers)} in the way", mend="see above")


def simulate(
    ctx: typer.Context,
    weeks: Annotated[int, typer.Option(min=1, help="How many weeks to play.")] = 4,
    out: Annotated[Path | None, typer.Option(help="Keep the mails there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Play the coming weeks with the same engine under a fake clock; nothing is sent or changed.

    Example: newsletter simulate --weeks 4 --out weeks
    """
    app = letter(ctx)
    played = app.simulate(weeks, out)
    if as_json:
        say_json(played)
        return
    _say_queue(played, app.database.name)
    say(muted("simulated on a copy: nothing was sent, no row was changed"))


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
    when = slot_time(entry.due_at, entry.zone, entry.local_date, entry.each_zone)
    return when if entry.each_zone else f"{when}  {muted(utc(entry.due_at))}"


def _entries(planned: "Plan") -> list[Entry]:
    return [
        Entry(
            f"{one.target}@newsletter".replace("/", "."),
            one.due_at,
            one.length or timedelta(),
            f"{one.target}: {one.subject}",
            "; ".join([f"{number(one.recipients)} recipients", *one.blockers, *one.notes]),
        )
        for one in planned.slots
    ]


def _say_differences(found: "list[Difference]") -> None:
    if not found:
        say("nothing changed")
    for one in found:
        say(f"{one.target}: {_WHAT[one.what]} {_shown(one.before)} → {_shown(one.now)}")


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "nothing"
    if isinstance(value, int):
        return number(value)
    return "none" if value is None else str(value)


def _say_moves(planned: "Plan") -> None:
    for one in planned.moves:
        say(f"{one.target}: {local(one.was, one.zone)} → {local(one.becomes, one.zone)}")
    for series in dict.fromkeys(one.target.partition("/")[0] for one in planned.moves):
        say(muted(f"{series} was edited: these times hold after newsletter queue {series}"))


def _say_plan(slots: "tuple[PlannedSlot, ...]") -> None:
    if not slots:
        say("nothing is queued in these weeks")
        return
    say_table(
        ["issue", "slot", "UTC", "recipients", "subject"],
        [
            (
                one.target,
                slot_time(one.due_at, one.zone, one.local_date, one.each_zone),
                utc(one.due_at),
                one.recipients,
                one.subject,
            )
            for one in slots
        ],
        right=(3,),
    )
    for one in slots:
        if one.length:
            say(muted(f"{one.target}: takes {spell(one.length)}"))
        if len(one.waves) > 1:
            first, last = one.waves[0].due_at, one.waves[-1].due_at
            say(muted(f"{one.target}: at {len(one.waves)} instants from {utc(first)} to {utc(last)}"))
        if len(zones := _zones(one)) > 1:
            say(muted(f"{one.target}: {_listed(zones)}"))
        left = ", ".join(f"{number(n)} {verdict}" for verdict, n in sorted(one.excluded.items()))
        if left:
            say(muted(f"{one.target}: not for {left}"))
        for note in one.notes:
            say(f"{one.target}: {note if ' ' in note else f'the clocks change: {note}'}")
        for blocker in one.blockers:
            say(f"{one.target}: {red('in the way')}: {blocker}")


def _zones(slot: "PlannedSlot") -> list[tuple[int, str]]:
    """List a slot's recipients by zone, most first."""
    return sorted(((-n, zone) for wave in slot.waves for zone, n in wave.zones.items()))


def _listed(zones: list[tuple[int, str]]) -> str:
    named = ", ".join(f"{number(-n)} {zone}" for n, zone in zones[:_ZONES_NAMED])
    rest = len(zones) - _ZONES_NAMED
    return f"{named}, and {number(rest)} more zones" if rest > 0 else named
