"""Deliveries that nobody here made: what people have received elsewhere."""

from collections.abc import Iterable

from sqlalchemy import Connection

from newsletter.domain.delivery import DeliveryState
from newsletter.domain.receiving import ELSEWHERE
from newsletter.domain.release import REAL
from newsletter.store.database import insert_new
from newsletter.store.tables import delivery

_VALUES = {"occasion": REAL, "state": DeliveryState.ACCEPTED, "reason": ELSEWHERE}


def add(tx: Connection, received: Iterable[tuple[int, int]]) -> int:
    """Insert a delivery for each pair of issue and subscriber that has none; return how many."""
    rows = [{**_VALUES, "issue_id": issue_id, "subscriber_id": person} for issue_id, person in received]
    if not rows:
        return 0
    return tx.execute(insert_new(tx, delivery), rows, execution_options={"preserve_rowcount": True}).rowcount
