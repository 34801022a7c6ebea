"""A series: an ordered list of issues with a cadence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from newsletter.domain.cadence import Cadence
from newsletter.domain.finding import Acknowledgement
from newsletter.domain.unknown import Policy
from newsletter.errors import Place


class Archive(StrEnum):
    """Who may read the issues of a series online: whoever has a link from a mail, or everybody."""

    NONE = "none"
    PUBLIC = "public"


class Mode(StrEnum):
    """Who gets which issue of a series at a slot."""

    #: Everyone gets issue n in week n.
    CALENDAR = "calendar"
    #: Each subscriber starts at issue 1.
    SEQUENCE = "sequence"


@dataclass(frozen=True, order=True)
class SectionRef:
    """A section as a series file names it: `article#section`."""

    article: str
    section: str

    def __str__(self) -> str:
        return f"{self.article}#{self.section}"


@dataclass(frozen=True)
class Issue:
    """One email of a series, as its file describes it; `title` is its h1, by default the subject."""

    id: str
    subject: str
    preheader: str
    sections: tuple[SectionRef, ...]
    place: Place
    title: str = ""
    previously: tuple[str, ...] = ()
    acknowledge: tuple[Acknowledgement, ...] = ()

    @property
    def heading(self) -> str:
        return self.title or self.subject


@dataclass(frozen=True)
class Series:
    """An ordered list of issues with a cadence, in `content/series/<slug>.toml`."""

    slug: str
    title: str
    sender: str
    reply_to: str
    cadence: Cadence
    hold_if_late_by: timedelta
    issues: tuple[Issue, ...]
    leave_out: tuple[SectionRef, ...]
    place: Place
    mode: Mode = Mode.CALENDAR
    previously: tuple[str, ...] = ()
    if_unknown: Policy = Policy.HOLD
    max_recipients: int | None = None
    audience: str = ""
    archive: Archive = Archive.NONE
    #: Whoever has confirmed gets a mail that says so.
    has_welcome: bool = False
    acknowledge: tuple[Acknowledgement, ...] = ()
    #: One of `[providers]` in newsletter.toml; without a name it is the default.
    provider: str = ""
    provider_place: Place | None = field(default=None, compare=False)
    #: Of its emails; by default the one that the theme names.
    layout: str = ""
    layout_place: Place | None = field(default=None, compare=False)

    def issue(self, issue_id: str) -> Issue | None:
        """Find an issue by its id."""
        return next((issue for issue in self.issues if issue.id == issue_id), None)


@dataclass(frozen=True)
class AppliedSeries:
    """A series as the database has it: what `queue` applied last, and what sending goes by."""

    id: int
    slug: str
    title: str
    cadence: Cadence
    hold_if_late_by: timedelta
    paused_at: datetime | None = None
    max_recipients: int | None = None
    mode: Mode = Mode.CALENDAR
    sender: str = ""
    reply_to: str = ""
    audience: str = ""
    archive: Archive = Archive.NONE
    has_welcome: bool = False
    provider: str = ""

    @property
    def is_sequence(self) -> bool:
        return self.mode is Mode.SEQUENCE


def to_settings(series: Series) -> dict[str, Any]:
    """Write what sending needs of a series file as JSON values."""
    cadence = series.cadence
    return {
        "title": series.title,
        "mode": series.mode.value,
        "hold_if_late_by": series.hold_if_late_by.total_seconds(),
        "if_unknown": series.if_unknown.value,
        "sender": series.sender,
        "reply_to": series.reply_to,
        "max_recipients": series.max_recipients,
        "audience": series.audience,
        "archive": series.archive.value,
        "welcome": series.has_welcome,
        "provider": series.provider,
        "weekday": cadence.weekday,
        "time": cadence.time.isoformat(),
        "zone": cadence.zone,
        "starts": cadence.starts.isoformat(),
        "skip": sorted(day.isoformat() for day in cadence.skip),
        "subscriber_zone": cadence.subscriber_zone,
    }


def from_settings(
    series_id: int, slug: str, settings: Mapping[str, Any], paused_at: datetime | None
) -> AppliedSeries:
    """Read what `to_settings` wrote."""
    cadence = Cadence(
        weekday=settings["weekday"],
        time=time.fromisoformat(settings["time"]),
        zone=settings["zone"],
        starts=date.fromisoformat(settings["starts"]),
        skip=frozenset(date.fromisoformat(day) for day in settings["skip"]),
        subscriber_zone=settings["subscriber_zone"],
    )
    late = timedelta(seconds=settings["hold_if_late_by"])
    limit = settings.get("max_recipients")
    mode = Mode(settings.get("mode", Mode.CALENDAR))
    # Older settings do not say who sends.
    sender, reply_to = settings.get("sender", ""), settings.get("reply_to", "")
    return AppliedSeries(
        series_id,
        slug,
        settings["title"],
        cadence,
        late,
        paused_at,
        limit,
        mode,
        sender,
        reply_to,
        audience=settings.get("audience", ""),
        archive=Archive(settings.get("archive", Archive.NONE)),
        has_welcome=settings.get("welcome", False),
        provider=settings.get("provider", ""),
    )


def policy_of(settings: Mapping[str, Any]) -> Policy:
    """Read from what `to_settings` wrote what happens to an outcome that nothing can prove."""
    return Policy(settings.get("if_unknown", Policy.HOLD))
