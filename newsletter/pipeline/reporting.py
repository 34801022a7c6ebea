"""Say where everything stands: due, on its way, held, unknown."""

from dataclasses import dataclass
from datetime import datetime

from newsletter.domain.delivery import BatchState
from newsletter.domain.release import ReleaseState, SlotState, spell
from newsletter.pipeline.queueing import QueueRow


@dataclass(frozen=True)
class Attention:
    """Something that waits for a person, and the command that lets it go."""

    target: str
    what: str
    command: str


@dataclass(frozen=True)
class Status:
    """The queue in one look."""

    next: QueueRow | None
    on_its_way: tuple[QueueRow, ...]
    settled: int
    attention: tuple[Attention, ...]


def status_of(rows: list[QueueRow], now: datetime) -> Status:
    """Sum up the queue."""
    queued = [row for row in rows if row.slot.state is SlotState.QUEUED]
    moving = [row for row in rows if _state(row) in (ReleaseState.PREPARING, ReleaseState.SENDING)]
    attention = [one for row in rows for one in _attention(row)]
    attention += [_overdue(row, now) for row in queued if row.due_at < now]
    return Status(
        next=next((row for row in queued if row.due_at >= now), None),
        on_its_way=tuple(moving),
        settled=sum(_state(row) is ReleaseState.SETTLED for row in rows),
        attention=tuple(attention),
    )


def _attention(row: QueueRow) -> list[Attention]:
    found = []
    if row.release and row.release.state is ReleaseState.HELD:
        reason = f"held: {row.release.reason}"
        found.append(Attention(row.slot.target, reason, f"newsletter resume {row.slot.target}"))
    unknown = row.counts.get(BatchState.UNKNOWN, 0)
    if unknown:
        what = f"the outcome of {unknown} deliveries is unknown; they are asked again while that is safe"
        found.append(Attention(row.slot.target, what, "newsletter run"))
    return found


def _overdue(row: QueueRow, now: datetime) -> Attention:
    ago = spell(now - row.due_at)
    return Attention(row.slot.target, f"due {ago} ago and not released", "newsletter run")


def _state(row: QueueRow) -> ReleaseState | None:
    return row.release.state if row.release else None
