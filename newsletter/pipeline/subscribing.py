"""Add people, with the evidence of their consent; never bring anybody back who left. Decides nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection

from newsletter.content.addresses import normalised
from newsletter.domain.joining import Entry, Fate, Refusal, fate_of
from newsletter.domain.letter import Letter
from newsletter.domain.receiving import received
from newsletter.domain.series import to_settings
from newsletter.domain.slugs import offer
from newsletter.domain.subscriber import Consent, Evidence, Subscriber, address_hash, clean_name
from newsletter.domain.typos import meant_domain
from newsletter.domain.zones import all_zones
from newsletter.errors import NewsletterError, Refused, UnknownTarget
from newsletter.pipeline.editing import Undo
from newsletter.pipeline.meeting import meet
from newsletter.store import joining, moved, receiving, series, subscribers
from newsletter.store.database import Database
from newsletter.store.seen import Seen
from newsletter.store.subscribers import SubscriptionRow

#: Rows written in one transaction.
CHUNK = 2_000
#: So many of a kind are kept to be shown; a report has all.
_SHOWN = 20
_NOTHING = frozenset[str]()


@dataclass(frozen=True)
class Noted:
    """A row of which somebody should know: `what` is refused, hint, duplicate, left or suppressed."""

    line: int
    what: str
    address: str
    why: str


@dataclass(frozen=True)
class Pending:
    """A subscription that waits for its person to confirm it."""

    series_id: int
    subscriber_id: int


@dataclass
class Imported:
    """What an import did, or would do.

    `added` people are active now, `pending` ones have to confirm. `kept` people were active before, `waiting`
    ones had been asked before, `left` had unsubscribed and `suppressed` must not be mailed: they stay away.
    `received` counts deliveries that were noted as received elsewhere, `received_by_kept` those of them that
    are of people who were active before. Of `refused` and `hints` the first are here.
    """

    added: int = 0
    pending: int = 0
    kept: int = 0
    waiting: int = 0
    left: int = 0
    suppressed: int = 0
    duplicates: int = 0
    received: int = 0
    received_by_kept: int = 0
    refusals: int = 0
    hinted: int = 0
    refused: list[Refusal] = field(default_factory=list)
    hints: list[Noted] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dry_run: bool = False


@dataclass(frozen=True)
class Listening:
    """Who is told of an import while it goes on: of rows, and of the line that it has come to."""

    row: Callable[[Noted], None] = lambda _row: None
    line: Callable[[int], None] = lambda _line: None


#: Plans what goes to people whose subscriptions became pending, in the transaction that made them.
PlanConfirmations = Callable[[Connection, Sequence[Pending]], None]


def plan_nothing(_tx: Connection, _pending: Sequence[Pending]) -> None:
    """Plan nothing."""


class _Person(NamedTuple):
    entry: Entry
    received: frozenset[str]
    is_first: bool


@dataclass
class _Chunk:
    """Rows of a list that were looked at: who can be mailed, by the hash of the address, and what to tell."""

    people: dict[str, _Person] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    duplicates: list[Entry] = field(default_factory=list)
    hints: list[tuple[Entry, str]] = field(default_factory=list)
    last_line: int = 0


@dataclass(frozen=True)
class Subscribing:
    """Keep the list of people."""

    database: Database
    salt: bytes
    plan_confirmations: PlanConfirmations = plan_nothing

    def choose_series(self, letter: Letter, name: str | None) -> str:
        """Return the series that is meant: the one named, or the only one there is."""
        if name is None and len(letter.series) == 1:
            return next(iter(letter.series))
        if name is None:
            raise Refused("there are several series", mend=f"add --series {' or '.join(letter.series)}")
        if name not in letter.series:
            raise UnknownTarget(f"no series is called {name!r}", mend=offer(name, letter.series))
        return name

    def add(
        self,
        letter: Letter,
        slug: str,
        people: Iterable[Entry | Refusal],
        evidence: Evidence,
        *,
        state: Consent = Consent.ACTIVE,
        dry_run: bool = False,
        listening: Listening | None = None,
    ) -> Imported:
        """Subscribe people to a series, in chunks; each new subscription has its evidence.

        With `dry_run` everything is done and undone, chunk by chunk, so that the numbers are right.
        Raises Refused where the list says what they have received of a series that was never queued.
        """
        result = Imported(dry_run=dry_run)
        tell = _Telling(result, listening or Listening())
        issues = self._issues(slug)
        for chunk in self._chunks(people, slug, list(issues)):
            with suppress(Undo), self.database.writing(bulk=True) as tx:
                self._add_chunk(tx, self._series_id(tx, letter, slug), chunk, issues, evidence, state, tell)
                if dry_run:
                    raise Undo
            tell.rows(chunk)
        return result

    def rows(self, slug: str | None = None, where: str = "") -> list[SubscriptionRow]:
        """List subscriptions, or those that an audience expression means; raises LetterError for no such."""
        with self.database.reading() as tx:
            return list(subscribers.every(tx, slug, where))

    def find(self, address: str) -> Subscriber:
        """Find a person by their address."""
        with self.database.reading() as tx:
            return meet(tx, address, self.salt)[1]

    def _series_id(self, tx: Connection, letter: Letter, slug: str) -> int:
        known = series.find(tx, slug)
        # People may come before the first issue is queued.
        return known.id if known else series.apply(tx, slug, to_settings(letter.series[slug]), "")

    def _issues(self, slug: str) -> Mapping[str, int]:
        """Return the ids of a series' issues by their names, in order."""
        with self.database.reading() as tx:
            # Deliveries of a moved database are still written, so that calls under way can end.
            if name := moved.moved_to(tx):
                raise Refused(f"the database was moved to {name}", mend="write its url under [database]")
            known = series.find(tx, slug)
            return {row.slug: row.id for row in series.issues(tx, known.id)} if known else {}

    def _chunks(
        self, people: Iterable[Entry | Refusal], slug: str, issues: Sequence[str]
    ) -> Iterator[_Chunk]:
        """Look at the rows of a list; the next chunk is looked at while the database writes one."""
        rows = iter(people)
        with Seen() as seen, ThreadPoolExecutor(1, "list") as beside:

            def following() -> _Chunk | None:
                chunk = list(islice(rows, CHUNK))
                return self._look(chunk, slug, issues, seen) if chunk else None

            coming = beside.submit(following)
            while chunk := coming.result():
                coming = beside.submit(following)
                yield chunk

    def _look(self, rows: Sequence[Entry | Refusal], slug: str, issues: Sequence[str], seen: Seen) -> _Chunk:
        chunk = _Chunk(last_line=rows[-1].line)
        valid: list[tuple[str, Entry, frozenset[str]]] = []
        for one in rows:
            if isinstance(one, Refusal):
                chunk.refused.append(one)
                continue
            try:
                entry = _valid(one, slug)
                told = (one.received or "").strip()
                names = _received(told, slug, issues) if told else _NOTHING
            except NewsletterError as error:
                if isinstance(error, Refused):
                    raise
                chunk.refused.append(Refusal(one.line, one.person.address, str(error)))
                continue
            address = entry.person.address
            if meant := meant_domain(address[address.rindex("@") + 1 :]):
                chunk.hints.append((entry, meant))
            valid.append((address_hash(address, self.salt), entry, names))
        new = seen.add([hash_ for hash_, *_ in valid])
        for hash_, entry, names in valid:
            before = chunk.people.get(hash_)
            if before is None:
                chunk.people[hash_] = _Person(entry, names, hash_ in new)
            else:
                # Lines of one person add up.
                chunk.people[hash_] = before._replace(received=before.received | names)
            if before is not None or hash_ not in new:
                chunk.duplicates.append(entry)
        return chunk

    def _add_chunk(
        self,
        tx: Connection,
        series_id: int,
        chunk: _Chunk,
        issues: Mapping[str, int],
        evidence: Evidence,
        state: Consent,
        tell: "_Telling",
    ) -> None:
        people = chunk.people
        joining.take_turns(tx)
        known = joining.look(tx, series_id, list(people))
        fates = {hash_: fate_of(known.get(hash_), state) for hash_ in people}
        new = [hash_ for hash_, fate in fates.items() if fate is Fate.NEW]
        joining.add_people(tx, {hash_: people[hash_].entry for hash_ in new if hash_ not in known})
        self._subscribe(tx, series_id, new, evidence, state)
        confirmed = [known[hash_].id for hash_, fate in fates.items() if fate is Fate.CONFIRMED]
        subscribers.activate(tx, series_id, [id_ for id_ in confirmed if id_ is not None], evidence)
        noted = self._note_received(tx, people, fates, issues)
        tell.chunk(people, fates, noted, state)

    def _subscribe(
        self, tx: Connection, series_id: int, hashes: Sequence[str], evidence: Evidence, state: Consent
    ) -> list[Pending]:
        """Make subscriptions, and plan what goes to those that became pending; return these."""
        ids = joining.subscribe(tx, series_id, hashes, state, evidence)
        pending = [Pending(series_id, id_) for id_ in ids] if state is Consent.PENDING else []
        if pending:
            self.plan_confirmations(tx, pending)
        return pending

    def _note_received(
        self,
        tx: Connection,
        people: Mapping[str, _Person],
        fates: Mapping[str, Fate],
        issues: Mapping[str, int],
    ) -> tuple[int, int]:
        """Note what was received elsewhere; return how much by new people, and by those who were there."""
        away = (Fate.LEFT, Fate.SUPPRESSED)
        those = [hash_ for hash_, one in people.items() if one.received and fates[hash_] not in away]
        if not those:
            return 0, 0
        ids = subscribers.ids_by_hash(tx, those)

        def add(hashes: Iterable[str]) -> int:
            pairs = [
                (issues[name], ids[one]) for one in hashes for name in issues if name in people[one].received
            ]
            return receiving.add(tx, pairs)

        kept = [hash_ for hash_ in those if fates[hash_] is Fate.KEPT and people[hash_].is_first]
        return add(hash_ for hash_ in those if hash_ not in set(kept)), add(kept)


class _Telling:
    """Counts rows, keeps the first of them, and passes all of them on."""

    _WHY = {
        Fate.LEFT: "they unsubscribed, and stay away",
        Fate.SUPPRESSED: "the address is suppressed, and stays so",
    }

    def __init__(self, result: Imported, listening: Listening) -> None:
        self.result, self.listening = result, listening

    def rows(self, chunk: _Chunk) -> None:
        """Tell of the rows of a chunk that was written."""
        result = self.result
        for refusal in chunk.refused:
            if len(result.refused) < _SHOWN:
                result.refused.append(refusal)
            self.listening.row(Noted(refusal.line, "refused", refusal.text, refusal.reason))
        for entry in chunk.duplicates:
            self._row(entry, "duplicate", "the address is in a line before this one")
        for entry, meant in chunk.hints:
            local = entry.person.address.rpartition("@")[0]
            hint = self._row(entry, "hint", f"is {local}@{meant} meant? it is kept as it is")
            if len(result.hints) < _SHOWN:
                result.hints.append(hint)
        result.refusals += len(chunk.refused)
        result.duplicates += len(chunk.duplicates)
        result.hinted += len(chunk.hints)
        self.listening.line(chunk.last_line)

    def _row(self, entry: Entry, what: str, why: str) -> Noted:
        noted = Noted(entry.line, what, entry.person.address, why)
        self.listening.row(noted)
        return noted

    def chunk(
        self,
        people: Mapping[str, _Person],
        fates: Mapping[str, Fate],
        noted: tuple[int, int],
        state: Consent,
    ) -> None:
        """Count what a chunk did; a person is counted at their first line."""
        result = self.result
        first = {hash_: fate for hash_, fate in fates.items() if people[hash_].is_first}
        count = Counter(first.values())
        if state is Consent.ACTIVE:
            result.added += count[Fate.NEW] + count[Fate.CONFIRMED]
        else:
            result.pending += count[Fate.NEW]
        result.kept += count[Fate.KEPT]
        result.waiting += count[Fate.WAITING]
        result.left += count[Fate.LEFT]
        result.suppressed += count[Fate.SUPPRESSED]
        result.received += sum(noted)
        result.received_by_kept += noted[1]
        for hash_, fate in first.items():
            if fate in self._WHY:
                self._row(people[hash_].entry, fate.value, self._WHY[fate])


def checked(person: Subscriber) -> Subscriber:
    """Return a person with a normalised address and a safe name.

    Raises NewsletterError for an address that cannot be mailed, or a zone that does not exist.
    """
    address, name = normalised(person.address), clean_name(person.name)
    if person.zone and person.zone not in all_zones():
        raise NewsletterError(f"there is no zone {person.zone!r}", mend=offer(person.zone, all_zones()))
    is_clean = address == person.address and name == person.name
    return person if is_clean else Subscriber(address, name, person.zone)


def _valid(entry: Entry, slug: str) -> Entry:
    if entry.series and entry.series != slug:
        raise NewsletterError(f"the line is of the series {entry.series!r}")
    person = checked(entry.person)
    return entry if person is entry.person else entry._replace(person=person)


def _received(text: str, slug: str, issues: Sequence[str]) -> frozenset[str]:
    if not issues:
        raise Refused(
            f"nothing of {slug} was ever queued, so nobody can have received issues of it",
            mend=f"run newsletter queue {slug} first, or leave out the column 'received'",
        )
    return received(text, issues)


def evidence_of(how: str, text: str, now: datetime) -> Evidence:
    """State how people agreed; raises Refused where nobody says so."""
    if not text.strip():
        raise Refused(
            "nobody says how these people agreed to get mail",
            mend='add --consent "paper form, reception, October 2026"',
        )
    return Evidence(now, how, text.strip())
