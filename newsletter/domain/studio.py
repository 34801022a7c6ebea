"""What the preview studio asks for: it knows no store, no renderer and no provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Protocol
from zoneinfo import ZoneInfo

from newsletter.domain.finding import Finding, Severity
from newsletter.domain.revision import Media
from newsletter.domain.series import Mode, Series
from newsletter.domain.subscriber import Subscriber
from newsletter.domain.zones import instant_for

#: Bytes of HTML from which Gmail clips a mail (github.com/hteumeuleu/email-bugs/issues/41).
CLIPPING = 102_400
#: How many subscribers a page offers by itself; any other is found by the address.
MOST_OFFERED = 50
# Days are taken from it.
_EARLIEST = date(2, 1, 1)


@dataclass(frozen=True)
class Persona:
    """A sample reader; `label` says what is special about them."""

    key: str
    label: str
    name: str = ""
    zone: str = ""

    @property
    def reader(self) -> Subscriber:
        """Return them as a subscriber."""
        return Subscriber(f"{self.key or 'reader'}@example.org", self.name, self.zone)


#: The first is nobody in particular.
PERSONAS = (
    Persona("", "No name"),
    Persona("short", "A short name", "Al"),
    Persona("long", "A long name", "Maximiliana-Theodora Featherstonehaugh von und zu Hohenwaldstein-Oberau"),
    Persona(
        "rtl",
        "A right-to-left name",
        "\u05e0\u05d5\u05e2\u05d4 \u05d1\u05df-\u05d3\u05d5\u05d3",
        "Asia/Jerusalem",
    ),
    Persona("signs", "A name with signs", "Anna & Tom <O\u2019Neill>"),
    Persona("west", "In Los Angeles", "Robin", "America/Los_Angeles"),
    Persona("east", "In Kolkata", "Priya", "Asia/Kolkata"),
    Persona("early", "In Auckland", "Kiri", "Pacific/Auckland"),
)


@dataclass(frozen=True)
class PreviewEntry:
    """One issue in the list; `findings` is None until it was rendered, `error` says why it cannot be.

    `worst` is the weight of the worst finding.
    """

    target: str
    series_title: str
    title: str
    number: int
    findings: int | None = None
    worst: Severity | None = None
    error: str = ""


@dataclass(frozen=True)
class Preview:
    """One issue as one reader gets it.

    `html` names its pictures as `/media/<name>`; `source` is the HTML as it is sent and `size` its bytes.
    """

    target: str
    reader: Subscriber
    subject: str
    sender: str
    preheader: str
    due: str
    html: str
    source: str
    text: str
    headers: Sequence[tuple[str, str]] = ()
    findings: Sequence[Finding] = ()
    acknowledged: Sequence[Finding] = ()

    @property
    def size(self) -> int:
        return len(self.source.encode())


class Studio(Protocol):
    """What the studio needs, read from the files whenever they have changed.

    Every method raises NewsletterError for what an editor has to mend; the page shows it in place.
    """

    def entries(self, *, judged: bool) -> Sequence[PreviewEntry]:
        """List every issue of every series, in order; `judged` renders and checks those that were not yet."""
        ...

    def page(self, target: str, reader: str) -> Preview:
        """Render one issue for the key of a persona or the address of a subscriber.

        Raises UnknownTarget where there is no such issue or reader.
        """
        ...

    def media(self, name: str) -> Media | None:
        """Find a picture that a page names."""
        ...

    def readers(self) -> Sequence[Subscriber]:
        """List some subscribers, at most MOST_OFFERED; makes no database."""
        ...

    def send_test(self, target: str, address: str) -> str:
        """Send a real copy to an address; return what became of it, in one sentence.

        Raises NewsletterError where it was not accepted.
        """
        ...


def persona(key: str) -> Persona | None:
    """Find a sample reader."""
    return next((one for one in PERSONAS if one.key == key), None)


def first_dates(series: Series) -> list[date]:
    """Return the date of each issue if the first goes out when the series file says it starts."""
    cadence = series.cadence
    before = datetime.combine(max(cadence.starts, _EARLIEST), time(), UTC) - timedelta(days=3)
    found = list(islice(cadence.dates(before), len(series.issues)))
    return found + [cadence.starts] * (len(series.issues) - len(found))


def due_line(series: Series, position: int, reader: Subscriber) -> str:
    """Say when issue `position` of a series, counted from 1, comes to a reader by the series file."""
    cadence = series.cadence
    wall = f"{cadence.time:%H:%M}"
    where = (cadence.subscriber_zone and reader.zone) or cadence.zone
    if series.mode is Mode.SEQUENCE:
        return f"{cadence.weekday_name} {position} after joining, {wall} in {where}"
    day = first_dates(series)[position - 1]
    said = f"{day:%A} {day.day} {day:%B %Y}, {wall} in {where}"
    if not reader.zone or reader.zone == where:
        return said
    theirs = instant_for(cadence, day, reader.zone).astimezone(ZoneInfo(reader.zone))
    return f"{said}; {theirs:%A %H:%M} in {reader.zone}"
