"""Two series side by side for eight weeks, in which the clocks of four zones change, and who reads them.

What is due is worked out from the offsets below alone, which are written by hand.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pytest
from letter_cast import SERIES_FILE, SERVICE, SETTINGS, Service, write_letter
from postgres_server import PostgresServer
from sqlalchemy import update

from newsletter.app import App
from newsletter.domain import zones
from newsletter.domain.cadence import WEEKDAYS
from newsletter.domain.clock import PlayedClock
from newsletter.domain.message import Message
from newsletter.domain.provider import Answer, Capabilities, Mailing
from newsletter.domain.subscriber import address_hash
from newsletter.domain.tokens import Grant, Purpose
from newsletter.store import series, subscribers
from newsletter.store.tables import subscriber

LONDON, PARIS, NEW_YORK = "Europe/London", "Europe/Paris", "America/New_York"
LORD_HOWE, CAIRO = "Australia/Lord_Howe", "Africa/Cairo"
#: Where a slot comes last; nobody lives there.
LAST = "Etc/GMT+12"
NOWHERE = ""

#: Saturdays at nine of everybody's own zone, and Wednesdays at half past six in New York.
OWN_HOUR, ONE_HOUR = "own-hour", "one-hour"
#: What has passed since a Monday began in UTC.
MONDAY, _, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = (timedelta(days=days) for days in range(7))
HOUR = timedelta(hours=1)
WEEKS = range(1, 9)


@dataclass(frozen=True)
class Period:
    """Eight weeks from a Monday; for each zone the hours ahead of UTC, the date they change, and to what."""

    monday: date
    clocks: Mapping[str, tuple[float, date, float]]

    def at(self, week: int, since_monday: timedelta) -> datetime:
        """Tell an instant by the time since the Monday of a week began in UTC."""
        return datetime.combine(self.monday, time(), UTC) + timedelta(weeks=week - 1) + since_monday

    def utc(self, day: date, wall: time, zone: str) -> datetime:
        """Tell when the clocks of a zone show a time; not for the hours in which they change."""
        before, change, after = self.clocks[zone or LONDON]
        ahead = before if day < change else after
        return datetime.combine(day, wall, UTC) - timedelta(hours=ahead)

    def own_hour(self, week: int, zone: str) -> datetime:
        return self.utc(self.at(week, SATURDAY).date(), time(9), zone)

    def one_hour(self, week: int) -> datetime:
        return self.utc(self.at(week, WEDNESDAY).date(), time(18, 30), NEW_YORK)


_AT_SEA = {LAST: (-12, date.max, -12)}
AUTUMN = Period(
    date(2026, 9, 28),
    {
        LORD_HOWE: (10.5, date(2026, 10, 4), 11),
        LONDON: (1, date(2026, 10, 25), 0),
        CAIRO: (3, date(2026, 10, 30), 2),
        NEW_YORK: (-4, date(2026, 11, 1), -5),
        **_AT_SEA,
    },
)
SPRING = Period(
    date(2027, 3, 8),
    {
        NEW_YORK: (-5, date(2027, 3, 14), -4),
        LONDON: (0, date(2027, 3, 28), 1),
        LORD_HOWE: (11, date(2027, 4, 4), 10.5),
        CAIRO: (2, date(2027, 4, 30), 3),
        **_AT_SEA,
    },
)

STAYERS = {
    f"{city}-{n}": zone
    for city, zone in {
        "london": LONDON,
        "new-york": NEW_YORK,
        "lord-howe": LORD_HOWE,
        "cairo": CAIRO,
        "nowhere": NOWHERE,
    }.items()
    for n in (1, 2, 3)
}
#: On a Saturday, after the hours of Lord Howe and Cairo; of London, too; and of New York, too.
EARLY, NOON, EVENING = SATURDAY + 7.5 * HOUR, SATURDAY + 10 * HOUR, SATURDAY + 15 * HOUR


@dataclass(frozen=True)
class Mover:
    """Somebody who moves: by week and time to which zone; and the zone whose hour counts in each week."""

    name: str
    home: str
    moves: Mapping[tuple[int, timedelta], str]
    counts: Sequence[str]


MOVERS = (
    Mover("between-weeks", CAIRO, {(5, MONDAY): LONDON}, [CAIRO] * 4 + [LONDON] * 4),
    Mover(
        "to-and-fro-between-weeks",
        LONDON,
        {(3, MONDAY): NEW_YORK, (5, MONDAY): LONDON},
        [LONDON] * 2 + [NEW_YORK] * 2 + [LONDON] * 4,
    ),
    # East to west, with the new hour still to come: whether they had it at the old one decides.
    Mover("west-after-the-hour", CAIRO, {(4, NOON): NEW_YORK}, [CAIRO] * 4 + [NEW_YORK] * 4),
    Mover("west-before-the-hour", LONDON, {(4, EARLY): NEW_YORK}, [LONDON] * 3 + [NEW_YORK] * 5),
    Mover("west-over-half-the-world", LORD_HOWE, {(4, EARLY): LONDON}, [LORD_HOWE] * 4 + [LONDON] * 4),
    Mover("west-from-nowhere", NOWHERE, {(5, EARLY): NEW_YORK}, [LONDON] * 4 + [NEW_YORK] * 4),
    # West to east, with the new hour gone: the last instant of all takes them.
    Mover("east-past-the-hour", NEW_YORK, {(4, NOON): CAIRO}, [NEW_YORK] * 3 + [LAST] + [CAIRO] * 4),
    Mover("east-to-lord-howe", NEW_YORK, {(5, NOON): LORD_HOWE}, [NEW_YORK] * 4 + [LAST] + [LORD_HOWE] * 3),
    Mover("east-to-nowhere", NEW_YORK, {(4, NOON): NOWHERE}, [NEW_YORK] * 3 + [LAST] + [NOWHERE] * 4),
    Mover("east-after-the-hour", NEW_YORK, {(4, EVENING): CAIRO}, [NEW_YORK] * 4 + [CAIRO] * 4),
    # Twice between the instants of one slot.
    Mover("east-and-back", NEW_YORK, {(4, NOON): CAIRO, (4, NOON + HOUR): NEW_YORK}, [NEW_YORK] * 8),
    Mover(
        "east-and-back-with-it",
        NEW_YORK,
        {(4, EARLY): LONDON, (4, NOON): NEW_YORK},
        [NEW_YORK] * 3 + [LONDON] + [NEW_YORK] * 4,
    ),
    Mover(
        "east-and-back-too-late",
        NEW_YORK,
        {(4, NOON): CAIRO, (4, EVENING): NEW_YORK},
        [NEW_YORK] * 3 + [LAST] + [NEW_YORK] * 4,
    ),
)


@dataclass(frozen=True)
class Guest:
    """Somebody who comes or goes on the way, at a week and time; and the issues that they get."""

    name: str
    home: str
    own_hour: range
    one_hour: range
    comes: tuple[int, timedelta] = (1, MONDAY)
    goes: tuple[int, timedelta] = (9, MONDAY)
    left: Sequence[str] = (OWN_HOUR, ONE_HOUR)


JOINERS = (
    Guest("joins-in-london", LONDON, range(3, 9), range(3, 9), comes=(3, MONDAY)),
    Guest("joins-in-lord-howe", LORD_HOWE, range(3, 9), range(3, 9), comes=(3, MONDAY)),
    Guest("joins-nowhere", NOWHERE, range(3, 9), range(3, 9), comes=(3, MONDAY)),
    Guest("joins-before-their-hour", NEW_YORK, range(3, 9), range(4, 9), comes=(3, NOON)),
    Guest("joins-after-their-hour", LONDON, range(4, 9), range(4, 9), comes=(3, NOON)),
)
LEAVERS = (
    Guest("leaves-between-the-series", CAIRO, range(1, 5), range(1, 6), goes=(5, THURSDAY)),
    Guest("leaves-before-their-hour", NEW_YORK, range(1, 5), range(1, 6), goes=(5, NOON)),
    Guest("leaves-after-their-hour", LONDON, range(1, 6), range(1, 6), goes=(5, NOON)),
    Guest("leaves-one-series", CAIRO, range(1, 5), WEEKS, goes=(5, THURSDAY), left=[OWN_HOUR]),
)


@contextmanager
def few_zones():
    """Let slots come in the zones of the cast alone: an hour at which nobody lives costs as much as another.

    `test_subscriber_zones` plays all zones there are.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zones, "all_zones", lambda: frozenset(AUTUMN.clocks))
        _forget_zones()
        yield
    _forget_zones()


def _forget_zones() -> None:
    for remembered in (zones._waves, zones._keep_zones):
        remembered.cache_clear()


_LARGER = replace(SERVICE, batch_size=10)


@dataclass
class Diary(Service):
    """A service that notes who was sent which issue of which series at which instant."""

    capabilities: Capabilities = _LARGER
    notes: dict[tuple[str, str], list[tuple[int, datetime]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def accept(self, message: Message, mailing: Mailing) -> Answer:
        tags = dict(message.tags)
        for one in mailing.recipients:
            note = (int(tags["issue"].removeprefix("part-")), self.clock.now())
            self.notes[tags["series"], one.address.partition("@")[0]].append(note)
        return super().accept(message, mailing)


def series_text(wall: str, zone: str, starts: date, issues: int, *, subscriber_zone: bool = False) -> str:
    """Write a series file whose issues are called part-1, part-2 and so on."""
    head = f"""title = "A story in parts"
from = "Back Care Weekly <weekly@news.example.org>"
hold_if_late_by = "6h"

[cadence]
weekday = "{WEEKDAYS[starts.weekday()]}"
time = "{wall}"
zone = "{zone}"
subscriber_zone = {str(subscriber_zone).lower()}
starts = {starts}
"""
    parts = (
        f'\n[[issue]]\nid = "part-{n}"\nsubject = "Part {n} of the same story"\n'
        'preheader = "What there is to say about it, week by week and at one hour."\n'
        'sections = ["back#introduction", "back#neck"]\n'
        for n in range(1, issues + 1)
    )
    return head + "".join(parts)


@dataclass
class Weeks:
    """A letter that one process works on, and what went out."""

    root: Path
    clock: PlayedClock
    diary: Diary = field(init=False)
    app: App = field(init=False)

    def __post_init__(self) -> None:
        self.diary = Diary(self.clock)
        self._start()

    def _start(self) -> None:
        self.app = App(self.root, clock=self.clock, environment={}, provider=self.diary)

    def close(self) -> None:
        self.app.database.close()

    def is_away_until(self, instant: datetime) -> None:
        """Let nothing run for a while; then a new process does."""
        self.close()
        self.clock.advance_to(instant)
        self._start()

    def run(self, until: datetime) -> None:
        """Send what comes up to an instant, and stand there."""
        with self.app.sending():
            for _ in self.app.engine.play(self.clock, until):
                pass
        self.clock.advance_to(until)

    def play(self, events: Iterable[tuple[datetime, Callable[[], None]]], end: datetime) -> None:
        """Let things happen at their instants while it runs."""
        for at, together in groupby(sorted(events, key=itemgetter(0)), key=itemgetter(0)):
            self.run(at)
            for _, happens in together:
                happens()
        self.run(end)

    def join(self, homes: Mapping[str, str], *slugs: str) -> None:
        """Subscribe people to series, with their zones."""
        file = self.root / "people.csv"
        rows = (f"{name}@example.org,{name},{zone}" for name, zone in homes.items())
        file.write_text("\n".join(["address,name,zone", *rows]))
        for slug in slugs:
            self.app.enrolling.import_file(file, slug, "asked at reception")

    def move(self, name: str, zone: str) -> None:
        with self.app.database.writing() as tx:
            tx.execute(
                update(subscriber).where(subscriber.c.address == f"{name}@example.org").values(zone=zone)
            )

    def leave(self, name: str, *slugs: str) -> None:
        """Press unsubscribe in a mail of each series."""
        hash_ = address_hash(f"{name}@example.org", self.app.deployment.salt)
        with self.app.database.reading() as tx:
            id_ = subscribers.ids_by_hash(tx, [hash_])[hash_]
            grants = [Grant(series.find(tx, slug).id, id_) for slug in slugs]
        for grant in grants:
            assert self.app.pages.desk.unsubscribe(
                self.app.keys.sign(Purpose.UNSUBSCRIBE, grant), "one-click"
            )


@contextmanager
def opened(root: Path, server: PostgresServer | None, files: Mapping[str, str], now: datetime):
    """Give a letter with series by name, all queued, in a file or on a server."""
    with ExitStack() as stack:
        url = stack.enter_context(server.database()) if server else "sqlite:///newsletter.db"
        write_letter(root)
        (root / SERIES_FILE).unlink()
        (root / "newsletter.toml").write_text(f'{SETTINGS}[database]\nurl = "{url}"\n')
        for slug, text in files.items():
            (root / f"content/series/{slug}.toml").write_text(text)
        weeks = stack.enter_context(closing(Weeks(root, PlayedClock(now))))
        weeks.app.queueing.queue(list(files), now=now)
        yield weeks
