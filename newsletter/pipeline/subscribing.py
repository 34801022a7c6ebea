"""Add people, with the evidence of their consent; never bring anybody back who left. Decides nothing."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from email_validator import EmailNotValidError, validate_email

from newsletter.domain.letter import Letter
from newsletter.domain.receiving import received
from newsletter.domain.series import to_settings
from newsletter.domain.slugs import offer
from newsletter.domain.subscriber import Consent, Evidence, Subscriber, address_hash, clean_name
from newsletter.domain.zones import all_zones
from newsletter.errors import LetterError, NewsletterError, Place, Refused, UnknownTarget
from newsletter.pipeline.meeting import meet
from newsletter.store import moved, receiving, series, subscribers
from newsletter.store.database import Database
from newsletter.store.subscribers import SubscriptionRow

COLUMNS = ("address", "name", "zone", "received")
#: Rows written in one transaction.
CHUNK = 2_000


@dataclass(frozen=True)
class Entry:
    """A line of a list of people; `received` names issues, None where the list says nothing of them."""

    line: int
    person: Subscriber
    received: str | None = None


@dataclass(frozen=True)
class Refusal:
    """A row that was left out, and why."""

    line: int
    text: str
    reason: str


@dataclass
class Imported:
    """What an import did; `kept` people were active before, `left` had unsubscribed and stay away.

    `received` counts deliveries that were noted as received elsewhere, `received_by_kept` those of them that
    are of people who were active before.
    """

    added: int = 0
    kept: int = 0
    left: int = 0
    received: int = 0
    received_by_kept: int = 0
    refused: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True)
class Subscribing:
    """Keep the list of people."""

    database: Database
    salt: bytes

    def choose_series(self, letter: Letter, name: str | None) -> str:
        """Return the series that is meant: the one named, or the only one there is."""
        if name is None and len(letter.series) == 1:
            return next(iter(letter.series))
        if name is None:
            raise Refused("there are several series", mend=f"add --series {' or '.join(letter.series)}")
        if name not in letter.series:
            raise UnknownTarget(f"no series is called {name!r}", mend=offer(name, letter.series))
        return name

    def add(self, letter: Letter, slug: str, people: Iterable[Entry], evidence: Evidence) -> Imported:
        """Subscribe people to a series, in chunks; each new subscription has its evidence.

        Raises Refused where the list says what they have received of a series that was never queued.
        """
        result = Imported()
        rows = iter(people)
        while chunk := list(islice(rows, CHUNK)):
            says_received = any(entry.received is not None for entry in chunk)
            issues = self._issues(slug) if says_received else {}
            valid = self._valid(chunk, list(issues), result)
            self._add_chunk(self._series_id(letter, slug), valid, issues, evidence, result)
        return result

    def rows(self, slug: str | None = None) -> list[SubscriptionRow]:
        """List subscriptions."""
        with self.database.reading() as tx:
            return list(subscribers.every(tx, slug))

    def find(self, address: str) -> Subscriber:
        """Find a person by their address."""
        with self.database.reading() as tx:
            return meet(tx, address, self.salt)[1]

    def _series_id(self, letter: Letter, slug: str) -> int:
        with self.database.writing() as tx:
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
            issues = {row.slug: row.id for row in series.issues(tx, known.id)} if known else {}
        if not issues:
            raise Refused(
                f"nothing of {slug} was ever queued, so nobody can have received issues of it",
                mend=f"run newsletter queue {slug} first, or leave out the column 'received'",
            )
        return issues

    def _valid(
        self, chunk: Sequence[Entry], issues: Sequence[str], result: Imported
    ) -> dict[str, tuple[Subscriber, frozenset[str]]]:
        valid: dict[str, tuple[Subscriber, frozenset[str]]] = {}
        for entry in chunk:
            try:
                clean = checked(entry.person)
                names = received(entry.received or "", issues)
            except NewsletterError as error:
                result.refused.append(Refusal(entry.line, entry.person.address, str(error)))
                continue
            hash_ = address_hash(clean.address, self.salt)
            _, before = valid.get(hash_, (clean, frozenset()))
            valid[hash_] = clean, names | before
        return valid

    def _add_chunk(
        self,
        series_id: int,
        valid: Mapping[str, tuple[Subscriber, frozenset[str]]],
        issues: Mapping[str, int],
        evidence: Evidence,
        result: Imported,
    ) -> None:
        with self.database.writing() as tx:
            known = subscribers.ids_by_hash(tx, list(valid))
            new = {hash_: person for hash_, (person, _) in valid.items() if hash_ not in known}
            ids = known | subscribers.add_people(tx, new)
            states = subscribers.states(tx, series_id, list(ids.values()))
            absent = [id_ for id_ in ids.values() if id_ not in states]
            pending = [id_ for id_, state in states.items() if state is Consent.PENDING]
            kept = [id_ for id_, state in states.items() if state is Consent.ACTIVE]
            subscribers.subscribe(tx, series_id, absent, evidence)
            subscribers.activate(tx, series_id, pending, evidence)
            names = {ids[hash_]: names for hash_, (_, names) in valid.items()}
            by_new, by_kept = (
                receiving.add(
                    tx, [(issues[name], id_) for id_ in people for name in issues if name in names[id_]]
                )
                for people in (absent + pending, kept)
            )
        result.added += len(absent) + len(pending)
        result.kept += len(kept)
        result.left += sum(state is Consent.UNSUBSCRIBED for state in states.values())
        result.received += by_new + by_kept
        result.received_by_kept += by_kept


def checked(person: Subscriber) -> Subscriber:
    """Return a person with a normalised address and a safe name.

    Raises NewsletterError for an address that cannot be mailed, or a zone that does not exist.
    """
    try:
        address = validate_email(person.address.strip(), check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise NewsletterError(f"{person.address!r} is no address: {_lower(str(error))}") from error
    if person.zone and person.zone not in all_zones():
        raise NewsletterError(f"there is no zone {person.zone!r}", mend=offer(person.zone, all_zones()))
    return Subscriber(address, clean_name(person.name), person.zone)


def read_csv(path: Path) -> Iterator[Entry]:
    """Yield the lines of a CSV file; its header names `address`, perhaps `name`, `zone` and `received`.

    Raises LetterError for a file that is no such CSV, before it yields anything.
    """
    place = Place(str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LetterError("the file is not UTF-8", place=place, mend="save it as UTF-8") from error
    except OSError as error:
        raise LetterError(f"the file cannot be read: {error.strerror}", place=place) from error
    if "\0" in text:
        raise LetterError("the file is not text", place=place, mend="export it as CSV")
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    if "address" not in header:
        raise LetterError("the first line does not name a column 'address'", place=place,
                          mend="write: address,name,zone")  # fmt: skip
    unknown = [name for name in header if name not in COLUMNS]
    if unknown:
        raise LetterError(f"unknown column {unknown[0]!r}", place=Place(str(path), 1),
                          mend=offer(unknown[0], COLUMNS))  # fmt: skip
    reader.fieldnames = header
    return (_entry(reader.line_num, row) for row in reader if any(row.values()))


def _entry(line: int, row: Mapping[str | None, Any]) -> Entry:
    person = Subscriber(
        row["address"] or "", (row.get("name") or "").strip(), (row.get("zone") or "").strip()
    )
    if "received" not in row:
        return Entry(line, person)
    # Where nobody quoted the commas between ids, the reader takes them for cells without a name.
    return Entry(line, person, " ".join([row["received"] or "", *row.get(None, ())]))


def evidence_of(how: str, text: str, now: datetime) -> Evidence:
    """State how people agreed; raises Refused where nobody says so."""
    if not text.strip():
        raise Refused(
            "nobody says how these people agreed to get mail",
            mend='add --consent "paper form, reception, October 2026"',
        )
    return Evidence(now, how, text.strip())


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")
