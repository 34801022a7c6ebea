"""A small newsletter in a database: one series, its people, a provider that says what a test wants."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import delete, insert, update

from newsletter.domain.cadence import Cadence
from newsletter.domain.clock import PlayedClock
from newsletter.domain.pieces import Field
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Mailing,
    Outcome,
    Request,
    Sightings,
    always,
    too_late,
)
from newsletter.domain.revision import Revision
from newsletter.domain.series import Series, to_settings
from newsletter.domain.subscriber import Evidence, Subscriber, address_hash
from newsletter.domain.tokens import Key, TokenKeys
from newsletter.errors import Place
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.releasing import Releasing
from newsletter.store import picking, releases, revisions, schema, series, slots, subscribers
from newsletter.store.tables import metadata, subscription, suppression

#: The instant of the first slot.
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
DAY = date(2026, 12, 1)
SALT = b"salt"
KEYS = TokenKeys([Key("k1", b"s" * 32)])
FORM = Evidence(NOW - timedelta(days=9), "form", "Yes, send me the series.")
ACCEPTED, UNKNOWN = Answer(Outcome.ACCEPTED), Answer(Outcome.UNKNOWN, "timed out")
REFUSED, DEFERRED = Answer(Outcome.REFUSED, "bad address"), Answer(Outcome.DEFERRED, "too fast")


def a_series_file(slug="back-pain", title="Back pain") -> Series:
    return Series(
        slug=slug,
        title=title,
        sender="Back Care <weekly@news.example.org>",
        reply_to="editors@news.example.org",
        cadence=Cadence(1, time(9), "Europe/London", DAY),
        hold_if_late_by=timedelta(hours=6),
        issues=(),
        leave_out=(),
        place=Place(f"content/series/{slug}.toml"),
    )


def a_revision(subject="Lower back", **values) -> Revision:
    given = {
        "source_hash": "s" * 64,
        "sender": "Back Care <weekly@news.example.org>",
        "reply_to": "editors@news.example.org",
        "subject": (subject,),
        "preheader": "What helps.",
        "html": ("<p>Hello ", Field("name", "there"), "</p>"),
        "text": ("Hello ", Field("name", "there")),
        "links": ("https://example.org/",),
    }
    return Revision(**{**given, **values})


def empty(database) -> None:
    """Leave our tables in a database, and nothing in them."""
    schema.prepare(database, NOW)
    with database.writing() as tx:
        for table in reversed(metadata.sorted_tables):
            if table.name != "deployment":
                tx.execute(delete(table))


@dataclass
class Newsletter:
    """One series in a database, with what a test does to it."""

    database: object
    series_id: int = 0
    issues: dict[str, int] = field(default_factory=dict)

    def apply(self, slug="back-pain", issues=("lower-back", "neck")) -> "Newsletter":
        with self.database.writing() as tx:
            self.series_id = series.apply(tx, slug, to_settings(a_series_file(slug)), "h" * 64)
            for position, name in enumerate(issues, 1):
                self.issues[name] = series.add_issue(tx, self.series_id, name, position)
        return self

    def join(self, *names: str) -> list[int]:
        people = {
            address_hash(f"{name}@example.org", SALT): Subscriber(f"{name}@example.org", name)
            for name in names
        }
        with self.database.writing() as tx:
            ids = subscribers.add_people(tx, people)
            subscribers.subscribe(tx, self.series_id, sorted(ids.values()), FORM)
        return [ids[hash_] for hash_ in people]

    def leave(self, subscriber_id: int) -> bool:
        with self.database.writing() as tx:
            return subscribers.unsubscribe(tx, self.series_id, subscriber_id, FORM, None)

    def suppress(self, name: str) -> None:
        row = {"address_hash": address_hash(f"{name}@example.org", SALT), "reason": "complaint", "since": NOW}
        with self.database.writing() as tx:
            tx.execute(insert(suppression), row)

    def set_subscription(self, subscriber_id: int, **values: object) -> None:
        with self.database.writing() as tx:
            row = update(subscription).where(subscription.c.subscriber_id == subscriber_id)
            tx.execute(row.values(**values))

    def queue(self, issue="lower-back", day=DAY, revision=None) -> None:
        revision = revision or a_revision(issue)
        with self.database.writing() as tx:
            revisions.add(tx, self.issues[issue], revision)
            slots.add(tx, self.series_id, self.issues[issue], day, revision.hash, "2026a")

    def release(self, batch_size=3, now=NOW, **values):
        """Release what is due; return the first release."""
        made = Releasing(self.database, capabilities(batch_size, **values)).tick(now)
        return made[0]

    def rows(self, statement) -> list[tuple]:
        with self.database.reading() as tx:
            return [tuple(row) for row in tx.execute(statement)]

    def read(self, query, *arguments):
        with self.database.reading() as tx:
            return query(tx, *arguments)

    def get_release(self, release_id):
        return self.read(releases.get, release_id)

    def get_batch(self, batch_id):
        return self.read(picking.get, batch_id).batch


def capabilities(batch_size=3, **values) -> Capabilities:
    given = {"name": "scripted", "batch_size": batch_size, "call_timeout": timedelta(seconds=30)}
    return Capabilities(**{**given, **values})


@dataclass(frozen=True)
class ScriptedCall:
    provider: "ScriptedProvider"
    mailing: Mailing

    def request(self) -> Request:
        return Request("POST", "https://provider.example.org", {}, b"")

    def make(self, may_start=always) -> Answer:
        if not may_start():
            return too_late()
        self.provider.mailings.append(self.mailing)
        return self.provider.answers.pop(0) if self.provider.answers else ACCEPTED


@dataclass
class ScriptedProvider:
    """Gives the answers of a script, then accepts; `mailings` is what it was asked to send."""

    answers: list[Answer] = field(default_factory=list)
    capabilities: Capabilities = field(default_factory=capabilities)
    mailings: list[Mailing] = field(default_factory=list)
    sightings: list[Sightings] = field(default_factory=list)
    inquiries: list[object] = field(default_factory=list)

    def search(self, inquiry) -> Sightings:
        self.inquiries.append(inquiry)
        return self.sightings.pop(0) if self.sightings else Sightings(is_complete=False)

    def compile(self, message) -> Callable[[Mailing], ScriptedCall]:
        return lambda mailing: ScriptedCall(self, mailing)

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def addresses(self) -> list[str]:
        return [person.address for mailing in self.mailings for person in mailing.recipients]


def delivering(database, provider=None, clock=None, owner="worker") -> Delivering:
    return Delivering.of(
        database,
        provider or ScriptedProvider(),
        clock or PlayedClock(NOW),
        keys=KEYS,
        deployment="d1",
        public_url="https://news.example.org",
        owner=owner,
    )
