"""Attempts: every call of a batch, and how it ended."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from newsletter.domain.delivery import Batch
from newsletter.domain.provider import Answer
from newsletter.store.hot import Hot
from newsletter.store.tables import Instant, attempt

_END = Hot(
    update(attempt)
    .where(attempt.c.batch_id == bindparam("batch_id_"), attempt.c.epoch == bindparam("epoch_"))
    .values(
        ended_at=bindparam("now", type_=Instant),
        outcome=bindparam("outcome_"),
        http_status=bindparam("status"),
        request_id=bindparam("request"),
    )
)
_ONE = select(attempt.c.epoch).where(
    attempt.c.batch_id == bindparam("batch_id_"),
    attempt.c.epoch == bindparam("epoch_"),
    attempt.c.generation == bindparam("generation_"),
)


def is_known(tx: Connection, batch_id: int, epoch: int, generation: int) -> bool:
    """Tell whether this call of a batch is one that the ledger knows."""
    values = {"batch_id_": batch_id, "epoch_": epoch, "generation_": generation}
    return tx.execute(_ONE, values).first() is not None


def end(tx: Connection, held: Batch, answer: Answer, now: datetime) -> None:
    """Note how an attempt ended."""
    values = {
        "batch_id_": held.id,
        "epoch_": held.epoch,
        "now": now,
        "outcome_": answer.outcome,
        "status": answer.status,
        "request": answer.request_id,
    }
    _END.run(tx, values)
