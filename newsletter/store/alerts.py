"""Which holds the people of `alert_to` have been told of: each once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, func, select

from newsletter.domain.delivery import BatchState
from newsletter.domain.release import ReleaseState
from newsletter.store.database import insert_new
from newsletter.store.tables import alert, batch, issue, release, revision, series, slot

HELD, UNKNOWN, EMPTY = "held", "unknown", "empty"
# What has no revision of its own, as a slot of a sequence, is told of under the name of an approved issue.
_approved = issue.alias("approved")
_any_approved = (
    select(_approved.c.approved_revision)
    .where(_approved.c.series_id == slot.c.series_id, _approved.c.approved_revision.is_not(None))
    .order_by(_approved.c.position.desc())
    .limit(1)
    .scalar_subquery()
)
_ROWS = (
    select(
        release.c.id, series.c.slug.label("series"), issue.c.slug.label("issue"), slot.c.series_id,
        release.c.due_at, release.c.reason, revision.c.sender, revision.c.reply_to,
    )
    .join(slot, slot.c.id == release.c.slot_id)
    .join(issue, issue.c.id == slot.c.issue_id, isouter=True)
    .join(series, series.c.id == slot.c.series_id)
    .join(revision, revision.c.hash == func.coalesce(slot.c.revision, _any_approved))
    .order_by(release.c.id)
)  # fmt: skip


def _untold(what: str) -> ColumnElement[bool]:
    return ~exists().where(alert.c.release_id == release.c.id, alert.c.what == what)


_HELD = _ROWS.where(release.c.state == ReleaseState.HELD, _untold(HELD))
_UNKNOWN = _ROWS.where(
    _untold(UNKNOWN),
    release.c.id.in_(
        select(batch.c.release_id).where(batch.c.state == BatchState.UNKNOWN, batch.c.next_at.is_(None))
    ),
)
# A slot that had an issue for nobody, or not for all; once, also where it has many instants.
_sibling = release.alias()
_EMPTY = _ROWS.where(
    release.c.state.in_((ReleaseState.SENDING, ReleaseState.SETTLED)),
    release.c.reason != "",
    ~exists().where(
        alert.c.release_id == _sibling.c.id, _sibling.c.slot_id == release.c.slot_id, alert.c.what == EMPTY
    ),
)
_FORGET = delete(alert).where(alert.c.release_id == bindparam("release"), alert.c.what == bindparam("what_"))


@dataclass(frozen=True)
class Untold:
    """A hold, or a slot without an issue, that nobody was told of."""

    release_id: int
    series: str
    issue: str | None
    series_id: int
    due_at: datetime
    reason: str
    sender: str
    reply_to: str
    what: str

    @property
    def target(self) -> str:
        return f"{self.series}/{self.issue}" if self.issue else self.series


def untold(tx: Connection) -> list[Untold]:
    """List the holds that nobody was told of."""
    return [
        Untold(*row, what)
        for what, statement in ((HELD, _HELD), (UNKNOWN, _UNKNOWN), (EMPTY, _EMPTY))
        for row in tx.execute(statement)
    ]


def note(tx: Connection, found: Untold, now: datetime) -> bool:
    """Note that a hold is being told of; False where somebody else did."""
    row = {"release_id": found.release_id, "what": found.what, "at": now}
    return tx.execute(insert_new(tx, alert).returning(alert.c.what), row).first() is not None


def forget(tx: Connection, release_id: int, what: str) -> None:
    """Let the next hold of a release be told of again."""
    tx.execute(_FORGET, {"release": release_id, "what_": what})
