"""Add people, with the evidence of their consent; never bring anybody back who left. Decides nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection

from newsletter.domain.joining import Entry, Fate, Refusal, fate_of
from newsletter.domain.letter import Letter
from newsletter.domain.series import to_settings
from newsletter.domain.subscriber import Consent, Evidence, Subscriber
from newsletter.errors import Refused
from newsletter.pipeline.editing import Undo
from newsletter.pipeline.listening import Listening
from newsletter.pipeline.meeting import meet
from newsletter.pipeline.sifting import Chunk, Person, sifted
from newsletter.pipeline.telling import Imported, Telling
from newsletter.store import joining, moved, receiving, series, subscribers
from newsletter.store.database import Database
from newsletter.store.subscribers import SubscriptionRow


@dataclass(frozen=True)
class Pending:
    """A subscription that waits for its person to confirm it."""

    series_id: int
    subscriber_id: int


#: Plans what goes to people whose subscriptions became pending, in the transaction that made them.
PlanConfirmations = Callable[[Connection, Sequence[Pending]], None]


def plan_nothing(_tx: Connection, _pending: Sequence[Pending]) -> None:
    """Plan nothing."""


@dataclass(frozen=True)
class Subscribing:
    """Keep the list of people."""

    database: Database
    salt: bytes
    plan_confirmations: PlanConfirmations = plan_nothing

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
        tell = Telling(result, listening or Listening())
        issues = self._issues(slug)
        for chunk in sifted(people, slug, list(issues), self.salt):
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

    def _add_chunk(
        self,
        tx: Connection,
        series_id: int,
        chunk: Chunk,
        issues: Mapping[str, int],
        evidence: Evidence,
        state: Consent,
        tell: Telling,
    ) -> None:
        people = chunk.people
        joining.take_turns(tx, len(people))
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
        people: Mapping[str, Person],
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
