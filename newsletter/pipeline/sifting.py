"""Look at the rows of a list before any is written: who can be mailed, who came before, who is refused."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from newsletter.content.addresses import normalised
from newsletter.domain.joining import Entry, Refusal
from newsletter.domain.receiving import received
from newsletter.domain.subscriber import Subscriber, address_hash, clean_name
from newsletter.domain.typos import meant_domain
from newsletter.domain.zones import all_zones, offer_zone
from newsletter.errors import NewsletterError, Refused
from newsletter.store.seen import Seen

#: Rows written in one transaction.
CHUNK = 2_000
_NOTHING = frozenset[str]()


class Person(NamedTuple):
    """Who can be mailed, with what they received elsewhere; `is_first` is of their first line in the list."""

    entry: Entry
    received: frozenset[str]
    is_first: bool


@dataclass
class Chunk:
    """Rows of a list that were looked at: who can be mailed, by the hash of the address, and what to tell."""

    people: dict[str, Person] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    duplicates: list[Entry] = field(default_factory=list)
    hints: list[tuple[Entry, str]] = field(default_factory=list)
    last_line: int = 0


def sifted(
    people: Iterable[Entry | Refusal], slug: str, issues: Sequence[str], salt: bytes
) -> Iterator[Chunk]:
    """Look at the rows of a list; the next chunk is looked at while the database writes one.

    Raises Refused where the list says what they have received of a series that has no `issues`.
    """
    rows = iter(people)
    with Seen() as seen, ThreadPoolExecutor(1, "list") as beside:

        def following() -> Chunk | None:
            chunk = list(islice(rows, CHUNK))
            return _look(chunk, slug, issues, salt, seen) if chunk else None

        coming = beside.submit(following)
        while chunk := coming.result():
            coming = beside.submit(following)
            yield chunk


def checked(person: Subscriber) -> Subscriber:
    """Return a person with a normalised address and a safe name.

    Raises NewsletterError for an address that cannot be mailed, or a zone that does not exist.
    """
    address, name = normalised(person.address), clean_name(person.name)
    if person.zone and person.zone not in all_zones():
        raise NewsletterError(f"there is no zone {person.zone!r}", mend=offer_zone(person.zone))
    is_clean = address == person.address and name == person.name
    return person if is_clean else Subscriber(address, name, person.zone)


def _look(
    rows: Sequence[Entry | Refusal], slug: str, issues: Sequence[str], salt: bytes, seen: Seen
) -> Chunk:
    chunk = Chunk(last_line=rows[-1].line)
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
        valid.append((address_hash(address, salt), entry, names))
    new = seen.add([hash_ for hash_, *_ in valid])
    for hash_, entry, names in valid:
        before = chunk.people.get(hash_)
        if before is None:
            chunk.people[hash_] = Person(entry, names, hash_ in new)
        else:
            # Lines of one person add up.
            chunk.people[hash_] = before._replace(received=before.received | names)
        if before is not None or hash_ not in new:
            chunk.duplicates.append(entry)
    return chunk


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
