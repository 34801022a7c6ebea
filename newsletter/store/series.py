"""Series and their issues as `queue` applied them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select, update

from newsletter.domain.release import REAL
from newsletter.domain.series import AppliedSeries, from_settings
from newsletter.store.database import insert_new
from newsletter.store.tables import delivery, issue, revision, series, slot

_SERIES = select(series.c.id, series.c.slug, series.c.settings, series.c.paused_at)
_ALL = _SERIES.order_by(series.c.slug)
_BY_SLUG = _SERIES.where(series.c.slug == bindparam("slug"))
_UPDATE = update(series).where(series.c.id == bindparam("series_id"))
_PAUSE = update(series).where(series.c.id == bindparam("series_id")).values(paused_at=bindparam("at"))
_ISSUES = (
    select(
        issue.c.id, issue.c.series_id, series.c.slug.label("series"), issue.c.slug, issue.c.position,
        issue.c.approved_revision, issue.c.paused_at, issue.c.cancelled_at,
        revision.c.source_hash,
    )
    .join(series, series.c.id == issue.c.series_id)
    .join(revision, revision.c.hash == issue.c.approved_revision, isouter=True)
    .where(issue.c.kind == "issue")
    .order_by(series.c.slug, issue.c.position)
)  # fmt: skip
_ISSUES_OF = _ISSUES.where(issue.c.series_id == bindparam("series_id"))
_NOTICE = select(issue.c.id).where(
    issue.c.series_id == bindparam("series_id"), issue.c.slug == bindparam("slug")
)
_NAMES = (
    select(series.c.slug.label("series"), series.c.settings, issue.c.slug.label("issue"), issue.c.kind)
    .join(issue, issue.c.series_id == series.c.id)
    .where(issue.c.id == bindparam("issue_id"))
)
_SET_ISSUE = update(issue).where(issue.c.id == bindparam("row_id"))
_IS_USED = select(
    or_(
        exists().where(slot.c.issue_id == bindparam("issue_id")),
        exists().where(delivery.c.issue_id == bindparam("issue_id"), delivery.c.occasion <= REAL),
    )
)


@dataclass(frozen=True)
class IssueRow:
    """An issue as the database knows it; `source_hash` is the approved revision's."""

    id: int
    series_id: int
    series: str
    slug: str
    position: int
    approved_revision: str | None
    paused_at: datetime | None
    cancelled_at: datetime | None
    source_hash: str | None

    @property
    def target(self) -> str:
        return f"{self.series}/{self.slug}"


def every(tx: Connection) -> list[AppliedSeries]:
    """List all series."""
    return [from_settings(*row) for row in tx.execute(_ALL)]


def find(tx: Connection, slug: str) -> AppliedSeries | None:
    """Find a series by its slug."""
    row = tx.execute(_BY_SLUG, {"slug": slug}).first()
    return from_settings(*row) if row else None


def apply(tx: Connection, slug: str, settings: Mapping[str, Any], source_hash: str) -> int:
    """Insert a series or renew its settings; return its id."""
    values = {"settings": settings, "source_hash": source_hash}
    found = tx.execute(_BY_SLUG, {"slug": slug}).first()
    if found:
        tx.execute(_UPDATE, {"series_id": found.id, **values})
        return int(found.id)
    return int(tx.execute(insert(series).returning(series.c.id), {"slug": slug, **values}).scalar_one())


def rename(tx: Connection, series_id: int, slug: str) -> None:
    """Give a series another slug."""
    tx.execute(_UPDATE, {"series_id": series_id, "slug": slug})


def pause(tx: Connection, series_id: int, at: datetime | None) -> None:
    """Stop a series before its next call, or let it go on with None."""
    tx.execute(_PAUSE, {"series_id": series_id, "at": at})


def issues(tx: Connection, series_id: int | None = None) -> list[IssueRow]:
    """List the issues of one series, or of all, in order."""
    if series_id is None:
        return [IssueRow(*row) for row in tx.execute(_ISSUES)]
    return [IssueRow(*row) for row in tx.execute(_ISSUES_OF, {"series_id": series_id})]


def add_issue(tx: Connection, series_id: int, slug: str, position: int) -> int:
    """Insert an issue; return its id."""
    row = {"series_id": series_id, "slug": slug, "kind": "issue", "position": position}
    return int(tx.execute(insert(issue).returning(issue.c.id), row).scalar_one())


def notice(tx: Connection, series_id: int, slug: str) -> int:
    """Return the id of a notice of a series, which is made when it is first wanted."""
    row = {"series_id": series_id, "slug": slug, "kind": "notice", "position": 0}
    tx.execute(insert_new(tx, issue), row)
    return int(tx.execute(_NOTICE, {"series_id": series_id, "slug": slug}).scalar_one())


def names(tx: Connection, issue_id: int) -> tuple[str, str, str, bool]:
    """Return an issue's series, the title of that, its own slug, and whether it is a notice."""
    row = tx.execute(_NAMES, {"issue_id": issue_id}).one()
    return row.series, row.settings["title"], row.issue, row.kind == "notice"


def change_issue(tx: Connection, issue_id: int, **values: object) -> None:
    """Set columns of an issue."""
    tx.execute(_SET_ISSUE.values(**values), {"row_id": issue_id})


def drop_issue(tx: Connection, issue_id: int) -> None:
    """Delete an issue that was never queued."""
    tx.execute(delete(revision).where(revision.c.issue_id == issue_id))
    tx.execute(delete(issue).where(issue.c.id == issue_id))


def is_used(tx: Connection, issue_id: int) -> bool:
    """Tell whether an issue has a slot, past or to come, or somebody has received it."""
    return bool(tx.execute(_IS_USED, {"issue_id": issue_id}).scalar())
