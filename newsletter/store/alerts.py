"""Which holds the people of `alert_to` have been told of: each once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, select

from newsletter.domain.delivery import BatchState
from newsletter.domain.release import ReleaseState
from newsletter.store.database import insert_new
from newsletter.store.tables import alert, batch, issue, release, revision, series, slot

HELD, UNKNOWN = "held", "unknown"
_ROWS = (
    select(
        release.c.id, series.c.slug.label("series"), issue.c.slug.label("issue"), slot.c.series_id,
        release.c.due_at, release.c.reason, revision.c.sender, revision.c.reply_to,
    )
    .join(slot, slot.c.id == release.c.slot_id)
    .join(issue, issue.c.id == slot.c.issue_id)
    .join(series, series.c.id == slot.c.series_id)
    .join(revision, revision.c.hash == slot.c.revision)
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
_FORGET = delete(alert).where(alert.c.release_id == bindparam("release"), alert.c.what == bindparam("what_"))


@dataclass(frozen=True)
class Untold:
    """A hold that nobody was told of."""

    release_id: int
    series: str
    issue: str
    series_id: int
    due_at: datetime
    reason: str
    sender: str
    reply_to: str
    what: str


def untold(tx: Connection) -> list[Untold]:
    """List the holds that nobody was told of."""
    return [
        Untold(*row, what)
        for what, statement in ((HELD, _HELD), (UNKNOWN, _UNKNOWN))
        for row in tx.execute(statement)
    ]


def note(tx: Connection, found: Untold, now: datetime) -> bool:
    """Note that a hold is being told of; False where somebody else did."""
    row = {"release_id": found.release_id, "what": found.what, "at": now}
    return tx.execute(insert_new(tx, alert).returning(alert.c.what), row).first() is not None


def forget(tx: Connection, release_id: int, what: str) -> None:
    """Let the next hold of a release be told of again."""
    tx.execute(_FORGET, {"release": release_id, "what_": what})
