"""A series: an ordered list of issues with a cadence."""

from dataclasses import dataclass
from datetime import timedelta

from newsletter.domain.cadence import Cadence
from newsletter.errors import Place


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
    mode: str = "calendar"
    previously: tuple[str, ...] = ()

    def issue(self, issue_id: str) -> Issue | None:
        """Find an issue by its id."""
        return next((issue for issue in self.issues if issue.id == issue_id), None)
