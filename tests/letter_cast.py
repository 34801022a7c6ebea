"""A small letter in a folder, the people who read it, and an email service in memory."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newsletter.app import App
from newsletter.domain.clock import PlayedClock
from newsletter.domain.message import Message
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Mailing,
    Outcome,
    Provider,
    Recovery,
    Request,
    always,
    too_late,
)
from newsletter.domain.subscriber import address_hash
from newsletter.domain.tokens import Grant, Purpose
from newsletter.store import subscribers

FRIDAY = datetime(2026, 11, 27, 12, tzinfo=UTC)
#: The slots of the two issues; London keeps UTC in winter.
FIRST = datetime(2026, 12, 1, 9, tzinfo=UTC)
SECOND = FIRST + timedelta(weeks=1)
END = FIRST + timedelta(weeks=2)
PEOPLE = ("ada", "ben", "cleo", "dev", "eva")

SETTINGS = """name = "Back Care Weekly"
public_url = "https://news.example.org"
postal_address = "1 High Street, Exampletown"
"""
ARTICLE = """---
title: A kinder week for your back
---

A sore back rarely has one cause, and a little understanding goes a long way here.

## Neck {#neck}

The neck asks for the lightest touch of all, and for a clear idea of when to see a doctor.
"""
SERIES = """title = "Back pain"
from = "Back Care Weekly <weekly@news.example.org>"

[cadence]
weekday = "tuesday"
time = "09:00"
zone = "Europe/London"
starts = 2026-12-01

[[issue]]
id = "lower-back"
subject = "Lower back: where the ache comes from"
preheader = "A sore lower back rarely has one cause; here is what massage may add."
sections = ["back#introduction"]

[[issue]]
id = "neck"
subject = "Neck: small movements, gentle hands"
preheader = "The neck asks for the lightest touch of all, and for a clear head."
sections = ["back#neck"]
"""
ARTICLE_FILE, SERIES_FILE = "content/articles/back.md", "content/series/back-pain.toml"

ACCEPTED, REFUSED = Answer(Outcome.ACCEPTED), Answer(Outcome.REFUSED, "an address cannot be mailed")
DEFERRED = Answer(Outcome.DEFERRED, "too many requests", retry_after=timedelta(minutes=1))
UNKNOWN = Answer(Outcome.UNKNOWN, "timed out", retry_after=timedelta(minutes=1))
MISCONFIGURED = Answer(Outcome.MISCONFIGURED, "the key is not valid")

SERVICE = Capabilities(
    "service",
    batch_size=2,
    call_timeout=timedelta(seconds=30),
    recovery=Recovery.KEY,
    key_ttl=timedelta(hours=24),
)


def write_letter(root: Path) -> Path:
    """Write the letter's three files."""
    for name, text in ({"newsletter.toml": SETTINGS, ARTICLE_FILE: ARTICLE, SERIES_FILE: SERIES}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def rewrite(file: Path, old: str, new: str) -> None:
    """Edit a file as an editor would."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@dataclass
class Service:
    """An email service: takes a key once, answers a repeat, refuses the key with another payload.

    `script` is what the next calls are answered; an UNKNOWN one is accepted all the same. `log` says who got
    what when.
    """

    clock: PlayedClock
    script: list[Answer] = field(default_factory=list)
    poison: frozenset[str] = frozenset()
    capabilities: Capabilities = SERVICE
    calls: list[Mailing] = field(default_factory=list)
    accepted: list[tuple[str, str]] = field(default_factory=list)
    log: list[tuple[datetime, str, str]] = field(default_factory=list)
    keys: dict[str, object] = field(default_factory=dict)

    def compile(self, message: Message) -> Callable[[Mailing], "ServiceCall"]:
        return lambda mailing: ServiceCall(self, message, mailing)

    def close(self) -> None:
        """Nothing is held open."""

    def accept(self, message: Message, mailing: Mailing) -> Answer:
        payload = (message, mailing.date, tuple(mailing.recipients))
        if self.keys.setdefault(mailing.key, payload) is not payload:
            same = self.keys[mailing.key] == payload
            return ACCEPTED if same else Answer(Outcome.MISMATCHED, "the key was used with another payload")
        issue = dict(message.tags)["issue"]
        names = [one.address.partition("@")[0] for one in mailing.recipients]
        self.accepted += [(issue, name) for name in names]
        self.log += [(mailing.date, issue, name) for name in names]
        return Answer(Outcome.ACCEPTED, ids={one.pos: f"id-{one.address}" for one in mailing.recipients})


@dataclass(frozen=True)
class ServiceCall:
    service: Service
    message: Message
    mailing: Mailing

    def request(self) -> Request:
        return Request("POST", "https://service.example.org", {"authorization": "hidden"}, b"body")

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        if not may_start():
            return too_late()
        self.service.calls.append(self.mailing)
        scripted = self.service.script.pop(0) if self.service.script else ACCEPTED
        if scripted.outcome not in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            return scripted
        if self.service.poison & {one.address for one in self.mailing.recipients}:
            return REFUSED
        answer = self.service.accept(self.message, self.mailing)
        return scripted if scripted.outcome is Outcome.UNKNOWN else answer


@dataclass
class Office:
    """A letter that is worked on; `app()` is a new process on the same files."""

    root: Path
    clock: PlayedClock = field(default_factory=lambda: PlayedClock(FRIDAY))
    provider: Provider | None = None
    apps: list[App] = field(default_factory=list)

    def app(self) -> App:
        self.apps.append(App(self.root, clock=self.clock, environment={}, provider=self.provider))
        return self.apps[-1]

    def close(self) -> None:
        for app in self.apps:
            app.database.close()

    def connect(self, **values: object) -> Service:
        """Send through a real service from now on."""
        service = Service(self.clock, **values)
        self.provider = service
        return service

    def join(self, *names: str) -> "Office":
        app = self.app()
        for name in names:
            app.enrolling.add(f"{name}@example.org", name.capitalize(), "", None, "asked at reception")
        return self

    def leave(self, name: str) -> None:
        """Press unsubscribe in a mail."""
        app = self.app()
        hash_ = address_hash(f"{name}@example.org", app.deployment.salt)
        with app.database.reading() as tx:
            id_ = subscribers.ids_by_hash(tx, [hash_])[hash_]
        token = app.keys.sign(Purpose.UNSUBSCRIBE, Grant(1, id_))
        found = app.pages.desk.unsubscribe(token, "one-click")
        assert found is not None
        assert not found.is_active

    def queue(self, *names: str, **options: object) -> list:
        return self.app().queueing.queue(names or ["back-pain"], now=self.clock.now(), **options)

    def cancel(self, name: str, **options: object) -> list:
        return self.app().cancelling.cancel(name, self.clock.now(), **options)

    def run(self, until: datetime = END) -> list:
        """Send until an instant, as one process; return what it says of each release."""
        app = self.app()
        with app.sending():
            return list(app.engine.play(self.clock, until))

    def release(self, at: datetime = FIRST) -> None:
        """Let the clock come to a slot, and release what is due without calling anybody."""
        self.clock.advance_to(at)
        self.app().engine.releasing.tick(at)

    def slots(self) -> dict[str, str]:
        """Tell the date of every queued issue."""
        return {
            row.slot.issue: row.slot.local_date.isoformat()
            for row in self.app().queueing.rows()
            if row.release is None
        }

    def states(self, issue: str = "lower-back") -> Counter[str]:
        """Count the deliveries of an issue by state."""
        total: Counter[str] = Counter()
        for row in self.app().queueing.rows():
            if row.slot.issue == issue:
                total.update(row.counts)
        return total


def once_each(issues: Iterable[str] = ("lower-back", "neck"), people: Iterable[str] = PEOPLE) -> Counter:
    """Tell what exactly once means."""
    everybody = tuple(people)
    return Counter((issue, name) for issue in issues for name in everybody)
