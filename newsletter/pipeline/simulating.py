"""Play the weeks to come on a copy: the engine that sends for real, by a clock of its own, as a rehearsal.

What is told is read from the ledger of the copy afterwards: it is what the engine did there, and no forecast.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice, takewhile
from pathlib import Path
from tempfile import TemporaryFile

from sqlalchemy import Connection

from newsletter.domain.clock import PlayedClock
from newsletter.domain.delivery import UNSETTLED, DeliveryState
from newsletter.domain.release import Release, ReleaseState
from newsletter.domain.series import AppliedSeries
from newsletter.errors import Refused
from newsletter.pipeline.running import Engine
from newsletter.store import played, releases, series, slots
from newsletter.store.database import Database
from newsletter.store.series import IssueRow
from newsletter.store.slots import Slot

_WEEK = timedelta(weeks=1)
_WAITS = frozenset({*UNSETTLED, DeliveryState.WAITING})

#: Told how many weeks of how many are over.
Tell = Callable[[int, int], None]


def tell_nobody(_done: int, _weeks: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class PlayedIssue:
    """An issue of a slot: how many got it, and how many wait for it at the end."""

    target: str
    recipients: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class PlayedSlot:
    """A slot that came due; in a sequence it has several issues, or none where nobody's turn came.

    `left_out` counts by verdict. `held` says why, for so many of its `instants`; those to come are after the
    end. `each_zone` is its hour in every subscriber's own zone, where that is the rule.
    """

    series: str
    local_date: date
    due_at: datetime
    zone: str
    issues: tuple[PlayedIssue, ...]
    left_out: Mapping[str, int]
    is_paused: bool = False
    held: str = ""
    held_instants: int = 0
    instants: int = 1
    instants_to_come: int = 0
    each_zone: time | None = None


@dataclass(frozen=True)
class EmptyDate:
    """A date of a cadence that no approved issue has, though one is left that could; nothing is sent then."""

    series: str
    local_date: date
    due_at: datetime
    zone: str


@dataclass(frozen=True)
class PlayedWeek:
    """Seven days from an instant."""

    starts_at: datetime
    slots: tuple[PlayedSlot, ...] = ()
    empty: tuple[EmptyDate, ...] = ()

    @property
    def mails(self) -> int:
        return sum(one.recipients for slot in self.slots for one in slot.issues)


@dataclass(frozen=True)
class Simulation:
    """What the weeks to come look like: how many mails, to how many people, week by week."""

    mails: int
    people: int
    weeks: tuple[PlayedWeek, ...]


@dataclass(frozen=True)
class Simulating:
    """Play on a copy of a database, which is changed; its engine goes by the played clock."""

    copy: Database
    engine: Engine
    clock: PlayedClock

    def simulate(self, weeks: int, tell: Tell) -> Simulation:
        """Play so many weeks from now on, and say what became of every slot that came due."""
        start = self.clock.now()
        until = start + weeks * _WEEK
        before = {release.id: release for release in self._releases()}
        for instant in self.engine.instants(self.clock, until):
            tell((instant - start) // _WEEK, weeks)
        tell(weeks, weeks)
        touched = [one for one in self._releases() if before.get(one.id) != one]
        with self.copy.reading() as tx:
            found = _played_slots(tx, touched)
            empty = [one for of in series.every(tx) for one in _empty_dates(tx, of, start, until)]
            people = _people(tx, touched)
        dealt = _by_week(start, weeks, found, empty)
        return Simulation(sum(week.mails for week in dealt), people, dealt)

    def _releases(self) -> list[Release]:
        with self.copy.reading() as tx:
            return releases.every(tx)


def refuse_unusable(folder: Path) -> None:
    """Make the folder of the mails; raises Refused where none can be kept there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except FileExistsError as error:
        raise Refused(f"{folder} is a file, not a folder", mend="choose another --out") from error
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Refused(f"no mail can be kept in {folder}: {why}", mend="choose another --out") from error


def _played_slots(tx: Connection, touched: Iterable[Release]) -> list[PlayedSlot]:
    by_slot: defaultdict[int, list[Release]] = defaultdict(list)
    for release in touched:
        by_slot[release.slot_id].append(release)
    of_series = {one.id: one for one in series.every(tx)}
    of_issue = {one.id: one for one in series.issues(tx)}
    counts = played.counts(tx, [one.id for found in by_slot.values() for one in found])
    return [
        _played_slot(tx, slot, of_series[slot.series_id], by_slot[slot.id], of_issue, counts)
        for slot in slots.every(tx)
        if slot.id in by_slot
    ]


def _played_slot(
    tx: Connection,
    slot: Slot,
    of: AppliedSeries,
    found: Sequence[Release],
    of_issue: Mapping[int, IssueRow],
    counts: played.Counts,
) -> PlayedSlot:
    by_issue: defaultdict[int, Counter[str]] = defaultdict(Counter)
    if slot.issue_id is not None:
        by_issue[slot.issue_id] = Counter()
    for release in found:
        for issue_id, states in counts.get(release.id, {}).items():
            by_issue[issue_id].update(states)
    held = [one for one in found if one.state is ReleaseState.HELD]
    in_order = sorted(by_issue, key=lambda id_: of_issue[id_].position)
    return PlayedSlot(
        series=of.slug,
        local_date=slot.local_date,
        due_at=found[0].due_at,
        zone=of.cadence.zone,
        issues=tuple(_played_issue(of_issue[id_].target, by_issue[id_]) for id_ in in_order),
        left_out=_left_out(tx, found, by_issue.values()),
        is_paused=of.paused_at is not None or any(of_issue[id_].paused_at for id_ in by_issue),
        held=held[0].reason if held else "",
        held_instants=len(held),
        instants=len(found),
        instants_to_come=sum(one.state is ReleaseState.WAITING for one in found),
        each_zone=of.cadence.each_zone,
    )


def _played_issue(target: str, states: Mapping[str, int]) -> PlayedIssue:
    waiting = sum(number for state, number in states.items() if state in _WAITS)
    return PlayedIssue(target, states.get(DeliveryState.ACCEPTED, 0), waiting)


def _left_out(
    tx: Connection, found: Sequence[Release], states: Iterable[Mapping[str, int]]
) -> Mapping[str, int]:
    left: Counter[str] = Counter()
    for release in found:
        left.update({why.value: number for why, number in releases.excluded_of(tx, release.id).items()})
    for one in states:
        gone = {state: n for state, n in one.items() if state not in {*_WAITS, DeliveryState.ACCEPTED}}
        left.update({str(state): number for state, number in gone.items()})
    return dict(sorted(left.items()))


def _empty_dates(tx: Connection, of: AppliedSeries, after: datetime, until: datetime) -> Iterator[EmptyDate]:
    if of.is_sequence or of.paused_at is not None:
        return
    every = slots.of_series(tx, of.id)
    placed = {slot.issue_id for slot in every}
    left = [one for one in series.issues(tx, of.id) if one.id not in placed and one.cancelled_at is None]
    taken = {slot.local_date for slot in every}
    dates = takewhile(lambda day: of.cadence.due_at(day) <= until, of.cadence.dates(after))
    for day in islice((day for day in dates if day not in taken), len(left)):
        yield EmptyDate(of.slug, day, of.cadence.due_at(day), of.cadence.zone)


def _people(tx: Connection, touched: Sequence[Release]) -> int:
    return played.people(tx, [one.id for one in touched]) if touched else 0


def _by_week(
    start: datetime, weeks: int, found: Sequence[PlayedSlot], empty: Sequence[EmptyDate]
) -> tuple[PlayedWeek, ...]:
    def number(due_at: datetime) -> int:
        # What was late comes out at once; the last instant of all belongs to the last week.
        return min(max(0, (due_at - start) // _WEEK), weeks - 1)

    slots_of: defaultdict[int, list[PlayedSlot]] = defaultdict(list)
    for slot in sorted(found, key=lambda one: (one.due_at, one.series)):
        slots_of[number(slot.due_at)].append(slot)
    empty_of: defaultdict[int, list[EmptyDate]] = defaultdict(list)
    for one in sorted(empty, key=lambda one: (one.due_at, one.series)):
        empty_of[number(one.due_at)].append(one)
    return tuple(PlayedWeek(start + n * _WEEK, tuple(slots_of[n]), tuple(empty_of[n])) for n in range(weeks))
