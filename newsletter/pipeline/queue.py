"""The queue as it stands: every slot with its release and what became of its deliveries. Decides nothing."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import Connection

from newsletter.domain.release import Release, ReleaseState, telling
from newsletter.domain.zones import opens_at
from newsletter.store import deliveries, releases, series, slots
from newsletter.store.slots import Slot


@dataclass(frozen=True)
class QueueRow:
    """One line of the queue; `counts` are its deliveries by state once it was released.

    Of a slot that has several releases it names the one that says most, and the recipients of all.
    """

    slot: Slot
    due_at: datetime
    zone: str
    release: Release | None
    counts: dict[str, int]
    planned: int = 0
    each_zone: time | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether its date came and nothing had been approved for it."""
        is_over = self.release is not None and self.release.state is ReleaseState.SETTLED
        return is_over and not self.planned and bool(self.release and self.release.reason)


def queue_rows(tx: Connection) -> list[QueueRow]:
    """List the queue, past and to come, by date."""
    by_id = {one.id: one for one in series.every(tx)}
    counted = deliveries.counts(tx)
    rows = []
    for slot in slots.every(tx):
        cadence = by_id[slot.series_id].cadence
        found = releases.of_slot(tx, slot.id)
        counts: Counter[str] = Counter()
        for one in found:
            counts.update(counted.get(one.id, {}))
        due_at = found[0].due_at if found else opens_at(cadence, slot.local_date)
        planned = sum(one.planned for one in found)
        rows.append(
            QueueRow(slot, due_at, cadence.zone, telling(found), dict(counts), planned, cadence.each_zone)
        )
    return sorted(rows, key=lambda row: row.due_at)
