"""Take people in with all that another letter knew of them. Decides nothing."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from newsletter.content import people_json
from newsletter.domain.joining import Refusal
from newsletter.domain.letter import Letter
from newsletter.domain.portable import Nameless, Opening, Portable
from newsletter.domain.series import to_settings
from newsletter.domain.slugs import offer
from newsletter.domain.subscriber import address_hash
from newsletter.errors import Refused
from newsletter.pipeline.composing import Composing
from newsletter.pipeline.editing import Undo
from newsletter.pipeline.listening import Listening, Noted, Watch, listening, watch_nobody
from newsletter.store import joining, moved, portable, series
from newsletter.store.database import Database
from newsletter.store.portable import Names
from newsletter.store.sender_lock import sender_lock

_CHUNK = 500
_SHOWN = 20


@dataclass
class Restored:
    """What was taken in: `added` people are new, `kept` were there, `suppressed` have no name."""

    added: int = 0
    kept: int = 0
    suppressed: int = 0
    refusals: int = 0
    refused: list[Refusal] = field(default_factory=list)
    dry_run: bool = False


@dataclass(frozen=True)
class Restoring:
    """Read what an export wrote."""

    database: Database
    salt: bytes
    composing: Composing

    def restore(
        self, path: Path, *, dry_run: bool = False, report: Path | None = None, watch: Watch = watch_nobody
    ) -> Restored:
        """Take in everybody; whoever is here stays as they are, but for what they received, and leaving.

        Nobody is mailed for it. Raises Refused for a series that the letter does not have.
        """
        with listening(report, watch, 0) as who:
            return self._restore(self.composing.letter(), path, _Telling(Restored(dry_run=dry_run), who))

    def _restore(self, letter: Letter, path: Path, told: "_Telling") -> Restored:
        file, opening = people_json.open_people(path)
        dry_run = told.result.dry_run
        lines = people_json.people(file)
        with self._salt(letter, opening, dry_run) as salt:
            while chunk := list(islice(lines, _CHUNK)):
                with suppress(Undo), self.database.writing(bulk=True) as tx:
                    joining.take_turns(tx, len(chunk))
                    names = _names(tx, letter, opening)
                    people, nameless = _sorted(chunk, names, salt, told, knows_hashes=salt == opening.salt)
                    new = portable.write(tx, people, names)
                    portable.suppress(tx, nameless)
                    if dry_run:
                        raise Undo
                told.chunk(new, len(people) - new, len(nameless))
                told.listening.line(chunk[-1][0])
        return told.result

    @contextmanager
    def _salt(self, letter: Letter, opening: Opening, dry_run: bool) -> Iterator[bytes]:
        """Give the salt of all hashes: an empty database takes over that of the file."""
        with self.database.reading() as tx:
            if name := moved.moved_to(tx):
                raise Refused(f"the database was moved to {name}", mend="write its url under [database]")
            _refuse_unknown(opening, letter, portable.names(tx))
            takes_over = portable.is_empty(tx) and opening.salt != self.salt
        if not takes_over or dry_run:
            yield opening.salt if takes_over else self.salt
            return
        # Who sends has read the salt when it started.
        with sender_lock(self.database.file):
            with self.database.writing() as tx:
                if portable.is_empty(tx):
                    portable.take_salt(tx, opening.salt)
            yield opening.salt


class _Telling:
    def __init__(self, result: Restored, listening: Listening) -> None:
        self.result, self.listening = result, listening

    def refused(self, row: Refusal) -> None:
        self.result.refusals += 1
        if len(self.result.refused) < _SHOWN:
            self.result.refused.append(row)
        self.listening.row(Noted(row.line, "refused", row.text, row.reason))

    def chunk(self, new: int, kept: int, nameless: int) -> None:
        self.result.added += new
        self.result.kept += kept
        self.result.suppressed += nameless


def _refuse_unknown(opening: Opening, letter: Letter, names: Names) -> None:
    known = {*letter.series, *names.series}
    for slug in opening.series:
        if slug not in known:
            mend = f"{offer(slug, known)} Add content/series/{slug}.toml first".strip()
            raise Refused(f"the letter has no series {slug!r}, which people of the file get", mend=mend)


def _names(tx: Connection, letter: Letter, opening: Opening) -> Names:
    """Return all series and issues; those that were never queued are made from the letter's files."""
    known = portable.names(tx)
    is_missing = False
    for slug in opening.series:
        of = letter.series.get(slug)
        if of is None:
            continue
        id_ = known.series.get(slug)
        if id_ is None:
            id_ = series.apply(tx, slug, to_settings(of), "")
            is_missing = True
        for position, issue in enumerate(of.issues, 1):
            if issue.id in opening.series[slug] and issue.id not in known.issues.get(slug, ()):
                series.add_issue(tx, id_, issue.id, position)
                is_missing = True
    return portable.names(tx) if is_missing else known


def _sorted(
    chunk: list[tuple[int, Portable | Nameless | Refusal]],
    names: Names,
    salt: bytes,
    told: _Telling,
    *,
    knows_hashes: bool,
) -> tuple[dict[str, Portable], list[Nameless]]:
    people: dict[str, Portable] = {}
    nameless: list[Nameless] = []
    for line, one in chunk:
        if isinstance(one, Refusal):
            told.refused(one)
        elif isinstance(one, Nameless) and knows_hashes:
            nameless.append(one)
        elif isinstance(one, Nameless):
            told.refused(Refusal(line, "", "its hash means nothing here: people are in this letter already"))
        elif unknown := _unknown(one, names):
            told.refused(Refusal(line, one.address, unknown))
        else:
            people.setdefault(address_hash(one.address, salt), one)
    return people, nameless


def _unknown(person: Portable, names: Names) -> str:
    for one in person.subscriptions:
        issues = names.issues.get(one.series)
        if issues is None:
            return f"there is no series {one.series!r}"
        for had in one.received:
            if had.issue not in issues:
                return f"{one.series} has no issue {had.issue!r} to have received"
    return ""
