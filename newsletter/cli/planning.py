"""Schedule: plan, and what it prints."""

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import letter
from newsletter.cli.printing import local, muted, number, red, say, say_json, say_table, slot_time, utc
from newsletter.domain.icalendar import Entry, to_ics
from newsletter.domain.release import spell
from newsletter.errors import CheckFailed, Refused

if TYPE_CHECKING:
    from newsletter.domain.plan import Plan, PlannedSlot
    from newsletter.pipeline.comparing import Difference

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_ZONES_NAMED = 5
_WHAT = {
    "issues": "issues",
    "due_at": "slot",
    "subject": "subject",
    "recipients": "recipients",
    "blockers": "in the way:",
    "provider": "provider",
}


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
        for line in app.rehearsed:
            say(muted(line))
    if check and planned.blockers:
        raise CheckFailed(f"{number(planned.blockers)} in the way", mend="see above")


def _entries(planned: "Plan") -> list[Entry]:
    return [
        Entry(
            f"{_uid(one)}@newsletter",
            one.due_at,
            one.length or timedelta(),
            f"{one.target}: {one.subject or _by_issue(one)}",
            "; ".join([_people(one.recipients), *one.blockers, *one.notes]),
        )
        for one in planned.slots
    ]


def _people(recipients: int) -> str:
    return "1 recipient" if recipients == 1 else f"{number(recipients)} recipients"


def _name(slot: "PlannedSlot") -> str:
    """Name a slot by its issue, or in a sequence by its date."""
    return slot.target if slot.subject else f"{slot.target} {slot.local_date:%d %b}"


def _uid(slot: "PlannedSlot") -> str:
    # An issue has one slot, which may move; a sequence has many.
    return slot.target.replace("/", ".") if slot.subject else f"{slot.target}.{slot.local_date}"


def _say_differences(found: "list[Difference]") -> None:
    if not found:
        say("nothing changed")
    for one in found:
        say(f"{one.target}: {_WHAT[one.what]} {_shown(one.before)} → {_shown(one.now)}")


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {number(people)}" for name, people in value.items()) or "nobody"
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
                one.subject or _by_issue(one),
            )
            for one in slots
        ],
        right=(3,),
    )
    told: dict[str, str] = {}
    for one in slots:
        name = _name(one)
        if one.provider and told.get(one.series) != one.provider:
            told[one.series] = one.provider
            say(muted(f"{one.series}: goes through {one.provider}"))
        if one.length:
            say(muted(f"{name}: takes {spell(one.length)}"))
        if len(one.waves) > 1:
            first, last = one.waves[0].due_at, one.waves[-1].due_at
            say(muted(f"{name}: at {len(one.waves)} instants from {utc(first)} to {utc(last)}"))
        if len(zones := _zones(one)) > 1 and told.get(one.target) != (listed := _listed(zones)):
            told[one.target] = listed
            say(muted(f"{name}: {listed}"))
        left = ", ".join(
            f"{number(n)} {verdict.replace('_', ' ')}" for verdict, n in sorted(one.excluded.items())
        )
        if left:
            say(muted(f"{name}: not for {left}"))
        for note in one.notes:
            say(f"{name}: {note if ' ' in note else f'the clocks change: {note}'}")
        for blocker in one.blockers:
            say(f"{name}: {red('in the way')}: {blocker}")


def _by_issue(slot: "PlannedSlot") -> str:
    """Say who gets which issue of a sequence."""
    return ", ".join(f"{issue} {number(people)}" for issue, people in slot.issues.items())


def _zones(slot: "PlannedSlot") -> list[tuple[int, str]]:
    """List a slot's recipients by zone, most first."""
    return sorted(((-n, zone) for wave in slot.waves for zone, n in wave.zones.items()))


def _listed(zones: list[tuple[int, str]]) -> str:
    named = ", ".join(f"{number(-n)} {zone}" for n, zone in zones[:_ZONES_NAMED])
    rest = len(zones) - _ZONES_NAMED
    return f"{named}, and {number(rest)} more zones" if rest > 0 else named
