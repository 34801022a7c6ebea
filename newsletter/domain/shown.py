"""What people were shown of a queued slot, and what the rules of its zone make of it now."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from newsletter.domain.cadence import Cadence


@dataclass(frozen=True)
class Shown:
    """A queued slot with the instant that some tzdata gave it; None where that was not kept."""

    slot_id: int
    target: str
    local_date: date
    tzdata: str
    due_at: datetime | None

    def by(self, cadence: Cadence, tzdata: str) -> "Shown":
        """Show the slot by the rules that are installed now."""
        return replace(self, tzdata=tzdata, due_at=cadence.due_at(self.local_date))


@dataclass(frozen=True)
class Shift:
    """A slot that comes at another instant than was shown."""

    target: str
    local_date: date
    before: datetime
    after: datetime
    tzdata_before: str
    tzdata_after: str

    def __str__(self) -> str:
        why = "its cadence was changed"
        if self.tzdata_before != self.tzdata_after:
            why = f"its cadence was changed, or its zone by tzdata {self.tzdata_after}"
        was, now = (f"{instant:%Y-%m-%d %H:%M} UTC" for instant in (self.before, self.after))
        return f"{self.target}: its slot of {self.local_date} comes at {now}, not at {was}: {why}"


def shift(before: Shown, after: Shown) -> Shift | None:
    """Tell what became of the instant of a slot; nothing where it is the same, or was never shown."""
    if before.due_at is None or after.due_at is None or before.due_at == after.due_at:
        return None
    return Shift(before.target, before.local_date, before.due_at, after.due_at, before.tzdata, after.tzdata)
