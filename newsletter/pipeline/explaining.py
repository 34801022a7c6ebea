"""Read what is known of one person and one issue after the other. Decides nothing."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice

from sqlalchemy import Connection

from newsletter.domain.explaining import Explanation, explain
from newsletter.domain.facts import Consenting, Delivery, Facts, Person
from newsletter.domain.letter import Target
from newsletter.domain.release import Release, ReleaseState, SlotState
from newsletter.domain.series import AppliedSeries
from newsletter.domain.subscriber import address_hash
from newsletter.domain.turns import Turn, turn_of
from newsletter.domain.zones import waves
from newsletter.errors import LetterError, UnknownTarget
from newsletter.pipeline.composing import Composing
from newsletter.pipeline.holding import find_target_in
from newsletter.pipeline.meeting import spellings
from newsletter.store import explaining, releases, sequences, series, slots
from newsletter.store.database import Database
from newsletter.store.series import IssueRow
from newsletter.store.slots import Slot


@dataclass(frozen=True)
class _Known:
    """What was read once for all issues."""

    person: Person
    now: datetime
    series: Mapping[int, AppliedSeries]
    issues: tuple[IssueRow, ...]
    slots: tuple[Slot, ...]
    releases: tuple[Release, ...]
    starts: Mapping[int, datetime]
    consents: Mapping[int, Consenting]
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True)
class Explaining:
    """Say why a person did or did not get issues."""

    database: Database
    composing: Composing
    salt: bytes

    def explain(self, address: str, name: str | None, now: datetime) -> list[Explanation]:
        """Explain each issue that a TARGET means, in order.

        Without one: of every series that the person ever subscribed to, or of all, if they never did. Raises
        UnknownTarget for an address or a name that nobody and nothing has.
        """
        with self.database.reading() as tx:
            known = _read(tx, self._person(tx, address), now)
            if name is None:
                ids = [id_ for id_ in known.series if id_ in known.consents] or list(known.series)
                targets = [Target(known.series[id_].slug) for id_ in ids]
            else:
                targets = [self._target(tx, name)]
            return [one for target in targets for one in _of_target(tx, known, target)]

    def _person(self, tx: Connection, address: str) -> Person:
        for spelling in spellings(address):
            person = explaining.person(tx, address_hash(spelling, self.salt))
            if person is not None:
                return person
        raise UnknownTarget(
            f"no subscriber has the address {address!r}", mend="see: newsletter subscribers list"
        )

    def _target(self, tx: Connection, name: str) -> Target:
        try:
            return find_target_in(tx, name)
        except UnknownTarget as unknown:
            # What was never queued is in the files alone.
            try:
                return self.composing.find(self.composing.letter(), name)
            except LetterError:
                raise unknown from None


def _read(tx: Connection, person: Person, now: datetime) -> _Known:
    by_id = {one.id: one for one in series.every(tx)}
    issues = tuple(series.issues(tx))
    return _Known(
        person=person,
        now=now,
        series=by_id,
        issues=issues,
        slots=tuple(slots.every(tx)),
        releases=tuple(releases.every(tx)),
        starts=explaining.starts(tx),
        consents=explaining.consents(tx, person.id, list(by_id)),
        deliveries=tuple(explaining.deliveries(tx, person.id, {row.id: row.target for row in issues})),
    )


def _of_target(tx: Connection, known: _Known, target: Target) -> list[Explanation]:
    of = next((one for one in known.series.values() if one.slug == target.series), None)
    rows = [row for row in known.issues if row.series == target.series and target.issue in (None, row.slug)]
    has_any = any(one.issue_id in {row.id for row in rows} and one.is_real for one in known.deliveries)
    consent = known.consents.get(of.id) if of else None
    if of is None or not rows or (consent is None and not has_any):
        return [explain(Facts(str(target), target.series, known.person, known.now, consent=consent))]
    to_come = _to_come(known, of)
    return [explain(_facts(tx, known, of, row, to_come)) for row in rows]


def _to_come(known: _Known, of: AppliedSeries) -> list[tuple[datetime, str]]:
    """List the instants of a series' slots to come, as this person has them."""
    queued = [one for one in known.slots if one.series_id == of.id and one.state is SlotState.QUEUED]
    return sorted((_due_at(of, slot.local_date, known.person), slot.target) for slot in queued)


def _facts(
    tx: Connection,
    known: _Known,
    of: AppliedSeries,
    row: IssueRow,
    to_come: Sequence[tuple[datetime, str]],
) -> Facts:
    person, now = known.person, known.now
    mine = [one for one in known.deliveries if one.issue_id == row.id and one.is_real]
    found = mine[0] if mine else None
    queued_at = next((due_at for due_at, target in to_come if target == row.target), None)
    facts = Facts(
        target=row.target,
        series=of.slug,
        person=person,
        now=now,
        zone=_zone(of, person),
        consent=known.consents.get(of.id),
        queued_at=queued_at,
        releases=tuple(
            one
            for one in known.releases
            if one.issue_id == row.id or (found is not None and one.id == found.release_id)
        ),
        starts=known.starts,
        delivery=found,
        calls=tuple(explaining.calls(tx, found.batch_id)) if found and found.batch_id else (),
        earlier=_earlier(known, row, found) if found else (),
        others=known.deliveries,
        series_paused_at=of.paused_at,
        issue_paused_at=row.paused_at,
        decisions=tuple(explaining.decisions(tx, [of.slug, row.target, row.slug])),
        next_slot=next(((target, due_at) for due_at, target in to_come), None),
        turn=_turn(tx, known, of, row) if of.is_sequence else None,
    )
    goes_at = max(now, facts.goes_at or now)
    return replace(facts, verdict=explaining.verdict(tx, person.id, of.id, row.id, goes_at))


def _turn(tx: Connection, known: _Known, of: AppliedSeries, row: IssueRow) -> Turn:
    """Say where an issue of a sequence stands for this person."""
    parts = sequences.parts(tx, of.id)
    real = [one for one in known.deliveries if one.is_real]
    had = {one.issue_id for one in real}
    return turn_of(
        of.slug,
        next((part for part in parts if part.issue_id == row.id), None),
        parts,
        [part for part in parts if part.issue_id in had],
        next((one.target for one in real if one.is_open and one.target.startswith(f"{of.slug}/")), ""),
        _instants(known, of, {one.release_id for one in real}),
    )


def _instants(known: _Known, of: AppliedSeries, had: Container[int | None]) -> list[datetime]:
    """List the slots to come of a sequence as this person has them, one for each issue there is."""
    mine = [one for one in known.releases if one.series_id == of.id]
    served = {one.slot_id for one in mine if one.id in had}
    zone = _zone(of, known.person)
    under_way = [
        one.due_at
        for one in mine
        if one.state is ReleaseState.WAITING and one.slot_id not in served and zone in (one.zones or ())
    ]
    queued = [one for one in known.slots if one.series_id == of.id and one.state is SlotState.QUEUED]
    if not queued:
        return under_way
    first = queued[0]
    later = (day for day in of.cadence.dates(known.now) if day > first.local_date)
    days = [first.local_date, *islice(later, len(known.issues))]
    return under_way + [_due_at(of, day, known.person) for day in days]


def _earlier(known: _Known, row: IssueRow, found: Delivery) -> tuple[Delivery, ...]:
    """List what a delivery may wait for: earlier issues of its series that are not settled."""
    of_series = {one.id for one in known.issues if one.series_id == row.series_id} - {row.id}
    return tuple(
        one
        for one in known.deliveries
        if one.issue_id in of_series
        and one.is_real
        and one.is_open
        and (one.release_id or 0) < (found.release_id or 0)
    )


def _due_at(of: AppliedSeries, day: date, person: Person) -> datetime:
    """Return when a slot to come is due for one person: whoever fits no zone gets it with the last."""
    found = waves(of.cadence, day)
    zone = _zone(of, person)
    return next((one.due_at for one in found if one.zones is None or zone in one.zones), found[-1].due_at)


def _zone(of: AppliedSeries, person: Person) -> str:
    return (of.cadence.subscriber_zone and person.zone) or of.cadence.zone
