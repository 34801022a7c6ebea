"""A small letter, a provider that keeps its promise about keys, and a fuse that crashes at any boundary."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    Recovery,
    Request,
    always,
    too_late,
)
from newsletter.domain.tokens import Grant, Purpose
from newsletter.store.database import Database

CAPABILITIES = Capabilities(
    "keyed",
    batch_size=2,
    call_timeout=timedelta(seconds=60),
    recovery=Recovery.KEY,
    key_ttl=timedelta(hours=24),
)
START = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIRST_SLOT = datetime(2026, 12, 1, 9, tzinfo=UTC)

_SETTINGS = 'name = "The Letter"\npublic_url = "https://news.example.org"\npostal_address = "1 High Street"\n'
_ARTICLE = """---
title: An article
---

Hello {{ name or "there" }}, this is what the first part of the article has to say to everybody.

## Second part {#second}

And this is what the second part has to say, which is about as much as the first one said.
"""
_SERIES = """title = "A series"
from = "The Letter <weekly@news.example.org>"
mode = "{mode}"
[cadence]
weekday = "tuesday"
time = "09:00"
zone = "Europe/London"
starts = 2026-12-01
[[issue]]
id = "first"
subject = "The first of two issues"
preheader = "This is the preheader of the first issue, long enough for an inbox."
sections = ["article#introduction"]
[[issue]]
id = "second"
subject = "The second of two issues"
preheader = "This is the preheader of the second issue, long enough for an inbox."
sections = ["article#second"]
"""


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Fuse:
    """Dies at the n-th boundary; with 0 never."""

    limit: int = 0
    count: int = 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.limit:
            raise Crash


@dataclass
class KeyedProvider:
    """Accepts a key once and answers a repeat without sending, for 24 hours, as Resend does.

    `script` holds what happens to the next calls instead: each entry is an answer, and whether the call was
    accepted all the same.
    """

    clock: PlayedClock
    fuse: Fuse = field(default_factory=Fuse)
    accepted: list[tuple[str, int]] = field(default_factory=list)
    keys: dict[str, datetime] = field(default_factory=dict)
    calls: list[Mailing] = field(default_factory=list)
    script: list[tuple[Answer, bool]] = field(default_factory=list)
    capabilities: Capabilities = CAPABILITIES

    def compile(self, message: Message) -> "Callable[[Mailing], KeyedCall]":
        return lambda mailing: KeyedCall(self, message, mailing)

    def close(self) -> None:
        pass


@dataclass
class KeyedCall:
    provider: KeyedProvider
    message: Message
    mailing: Mailing

    def request(self) -> Request:
        return Request("POST", "https://keyed.example.org/", {}, self.mailing.key.encode())

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        if not may_start():
            return too_late()
        provider = self.provider
        provider.fuse.step()
        provider.calls.append(self.mailing)
        answer, accepts = provider.script.pop(0) if provider.script else (Answer(Outcome.ACCEPTED), True)
        if accepts:
            self._accept()
        provider.fuse.step()
        return answer

    def _accept(self) -> None:
        provider, now = self.provider, self.provider.clock.now()
        known = provider.keys.get(self.mailing.key)
        if known is not None and now < known + timedelta(hours=24):
            return
        provider.keys[self.mailing.key] = now
        issue = dict(self.message.tags)["issue"]
        provider.accepted += [(issue, one.subscriber_id) for one in self.mailing.recipients]


@dataclass
class Stage:
    """One letter; each `app()` is a new process."""

    root: Path
    clock: PlayedClock = field(default_factory=lambda: PlayedClock(START))
    provider: KeyedProvider = field(init=False)

    def __post_init__(self) -> None:
        self.provider = KeyedProvider(self.clock)

    def prepare(self, mode: str = "calendar") -> None:
        """Write the files, add five subscribers and queue both issues."""
        for name, text in {
            "newsletter.toml": _SETTINGS,
            "content/articles/article.md": _ARTICLE,
            "content/series/series.toml": _SERIES.format(mode=mode),
        }.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        app = self.app()
        for number in range(1, 6):
            app.enrolling.add(f"reader{number}@example.org", f"Reader {number}", "", None, "asked")
        app.queueing.queue(["series"], now=self.clock.now())
        app.database.close()

    def app(self) -> App:
        return App(self.root, clock=self.clock, environment={}, provider=self.provider)  # type: ignore[arg-type]

    def play(self, weeks: int = 2) -> None:
        """Run one process until nothing is left to do by itself."""
        app = self.app()
        app.engine.take_over()
        for _ in app.engine.play(self.clock, FIRST_SLOT + timedelta(weeks=weeks)):
            pass

    def leave(self, number: int) -> None:
        """Let the n-th subscriber press unsubscribe."""
        app = self.app()
        token = app.keys.sign(Purpose.UNSUBSCRIBE, Grant(1, number))
        assert app.pages.desk.unsubscribe(token, "one_click") is not None

    def states(self) -> Counter[str]:
        """Count the deliveries of all issues by state."""
        total: Counter[str] = Counter()
        for row in self.app().queueing.rows():
            total.update(row.counts)
        return total


@contextmanager
def crashing(fuse: Fuse, monkeypatch: "object") -> Iterator[None]:
    """Let every transaction step the fuse before it begins, before it commits and after it has committed."""
    original = Database.writing

    @contextmanager
    def writing(database: Database, **options: object) -> Iterator[object]:
        fuse.step()
        with original(database, **options) as connection:
            yield connection
            fuse.step()
        fuse.step()

    with monkeypatch.context() as patch:  # type: ignore[attr-defined]
        patch.setattr(Database, "writing", writing)
        yield


EVERYBODY = {(issue, number): 1 for issue in ("first", "second") for number in range(1, 6)}
