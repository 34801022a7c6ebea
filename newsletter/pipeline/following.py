"""Which dates the queue of a series has by its file: what `queue` does, and `plan` says before."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from newsletter.domain.dealing import Dated, dealt
from newsletter.domain.release import SlotState
from newsletter.domain.series import Series
from newsletter.store.slots import Slot


def new_dates(of: Series, every: Sequence[Slot], now: datetime, *, is_reordered: bool) -> Mapping[str, date]:
    """Return the new dates of the queued issues that move; `every` are all slots of the series."""
    waiting = [slot for slot in every if slot.state is SlotState.QUEUED]
    return dealt(
        of.cadence,
        [issue.id for issue in of.issues],
        [Dated(slot.issue, slot.local_date, slot.pinned) for slot in waiting],
        {slot.local_date for slot in every if slot not in waiting},
        now,
        is_reordered=is_reordered,
    )
