"""Schedule: simulate, and what it prints."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import is_quiet, letter
from newsletter.cli.planning import AsJson
from newsletter.cli.printing import accent, local, muted, number, say, say_json, say_table, slot_time, utc
from newsletter.cli.watching import bar
from newsletter.errors import Refused

if TYPE_CHECKING:
    from newsletter.pipeline.simulating import PlayedSlot, PlayedWeek, Simulation

#: Longer than two years nobody looks ahead.
_MOST_WEEKS = 104
#: In a log there is a line each time so many seconds have passed.
_EVERY = 2.0
_DAY = timedelta(days=1)


def simulate(
    ctx: typer.Context,
    weeks: Annotated[int, typer.Option(min=1, max=_MOST_WEEKS, help="How many weeks to play.")] = 4,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the mails there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Play the coming weeks with the same engine under a fake clock; nothing is sent or changed.

    Example: newsletter simulate --weeks 4 --out weeks
    """
    from newsletter import operating  # noqa: PLC0415 - slow to import

    app = letter(ctx)
    try:
        with _watching(is_quiet(ctx)) as tell:
            found = operating.simulate(app, weeks, out, tell)
    except KeyboardInterrupt as stop:
        raise Refused("the simulation was stopped; nothing was sent, no row was changed") from stop
    if as_json:
        say_json(found)
        return
    say_table(["week", "issue", "slot", "UTC", "recipients", ""], _rows(found), right=(0, 4))
    if not found.mails:
        say(accent("next: newsletter plan"))
    if out is not None:
        say(f"the mails are in {out}")
    say(muted(f"simulated on a copy: {_total(found)}; nothing was sent, no row was changed"))


def _rows(found: "Simulation") -> Iterator[tuple[object, ...]]:
    for count, week in enumerate(found.weeks, 1):
        lines = [*(line for slot in week.slots for line in _lines(slot)), *_empty(week)]
        if not week.mails and not lines:
            last = week.starts_at + 6 * _DAY
            lines = [("nothing goes out", f"{week.starts_at:%a %d %b %Y} – {last:%a %d %b %Y}", "", "", "")]
        for n, line in enumerate(lines):
            yield ("" if n else count, *line)


def _lines(slot: "PlayedSlot") -> Iterator[tuple[object, ...]]:
    when = slot_time(slot.due_at, slot.zone, slot.local_date, slot.each_zone)
    note = "; ".join(_notes(slot))
    for issue in slot.issues:
        waiting = f"{number(issue.waiting)} wait" if issue.waiting else ""
        notes = "; ".join(filter(None, (waiting, note)))
        yield (issue.target, when, utc(slot.due_at), issue.recipients, notes)
        note = ""
    if not slot.issues:
        yield (slot.series, when, utc(slot.due_at), 0, note)


def _notes(slot: "PlayedSlot") -> Iterator[str]:
    if slot.is_paused:
        yield f"paused; let it go on with: newsletter resume {slot.series}"
    if slot.held:
        part = f" at {slot.held_instants} of {slot.instants} instants" if slot.instants > 1 else ""
        yield f"held{part}: {slot.held}"
    if slot.instants_to_come:
        yield f"{slot.instants_to_come} of {slot.instants} instants are still to come"
    if slot.left_out:
        left = ", ".join(f"{number(n)} {why.replace('_', ' ')}" for why, n in slot.left_out.items())
        yield f"not for {left}"


def _empty(week: "PlayedWeek") -> Iterator[tuple[object, ...]]:
    for one in week.empty:
        yield (
            one.series,
            local(one.due_at, one.zone),
            utc(one.due_at),
            0,
            "no approved issue, nothing is sent",
        )


def _total(found: "Simulation") -> str:
    with_mails = sum(bool(week.mails) for week in found.weeks)
    if not with_mails:
        return f"no mail in {_count(len(found.weeks), 'week')}"
    mails, people = (
        _count(found.mails, "mail"),
        "1 person" if found.people == 1 else f"{number(found.people)} people",
    )
    return f"{mails} in {number(with_mails)} of {_count(len(found.weeks), 'week')}, to {people}"


def _count(count: int, what: str) -> str:
    return f"{number(count)} {what}" if count == 1 else f"{number(count)} {what}s"


@contextmanager
def _watching(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    if quiet:
        yield lambda _done, _weeks: None
    elif sys.stderr.isatty():
        with bar() as show:
            yield lambda done, weeks: show("weeks played", done, weeks)
    else:
        yield _in_lines()


def _in_lines() -> Callable[[int, int], None]:
    said, said_at = 0, time.monotonic()

    def show(done: int, weeks: int) -> None:
        nonlocal said, said_at
        if done > said and time.monotonic() - said_at >= _EVERY:
            said, said_at = done, time.monotonic()
            sys.stderr.write(f"{number(done)} of {_count(weeks, 'week')} played\n")

    return show
