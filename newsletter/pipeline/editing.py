"""What every edit of the queue does: keep a slot still, note the decision, take a dry run back."""

from datetime import datetime

from sqlalchemy import Connection

from newsletter.errors import Refused
from newsletter.store import deliveries, slots
from newsletter.store.slots import Slot


class Undo(Exception):
    """Ends a dry run: the transaction is rolled back."""


def keep(tx: Connection, slot: Slot) -> None:
    """Let nobody release or change a slot before the transaction ends."""
    if not slots.is_unchanged(tx, slot):
        raise Refused(f"{slot.target} has just been released or changed", mend="see: newsletter queue")


def note(tx: Connection, now: datetime, what: str, target: str, detail: dict[str, object]) -> None:
    """Keep on record what a person decided."""
    deliveries.note(tx, {"at": now, "what": what, "target": target, "detail": detail})
