"""Replies that answer for each recipient: what the rows together prove."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import Reply, answer

#: So many mails that are refused for no fault of their recipients show a fault of the call.
_SEVERAL = 2


class Row(NamedTuple):
    """What is said of one recipient; refused is who is never accepted, `is_theirs` by their own fault."""

    outcome: Outcome
    id: str = ""
    words: str = ""
    is_theirs: bool = False


def sum_up(reply: Reply, rows: Sequence[Row], positions: Sequence[int]) -> Answer:
    """Put the rows together: what is not final for each of them is no proof for all of them."""
    by_position = dict(zip(positions, rows, strict=True))
    taken = [pos for pos, row in by_position.items() if row.outcome is Outcome.ACCEPTED]
    ids = {pos: by_position[pos].id for pos in taken if by_position[pos].id}
    rejected = {pos: row.words for pos, row in by_position.items() if row.outcome is Outcome.REFUSED}
    worst = _worst(rows)
    if worst is None:
        return Answer(Outcome.ACCEPTED, ids=ids, rejected=rejected, status=reply.status)
    if not taken or worst.outcome is Outcome.UNKNOWN:
        return answer(worst.outcome, reply, worst.words)
    # Some have it, and the others may get it later, once it is found out who has.
    words = f"{len(taken)} of {len(rows)} were accepted; {worst.words}"
    return replace(answer(Outcome.UNKNOWN, reply, words), ids=ids)


def _worst(rows: Sequence[Row]) -> Row | None:
    """Return what keeps rows from being final; None where they are."""
    for outcome in (Outcome.UNKNOWN, Outcome.MISCONFIGURED, Outcome.DEFERRED):
        if found := next((row for row in rows if row.outcome is outcome), None):
            return found
    faults = [row for row in rows if row.outcome is Outcome.REFUSED and not row.is_theirs]
    if len(faults) >= _SEVERAL and all(row.outcome is Outcome.REFUSED for row in rows):
        # Nobody was taken: rather than everybody losing the issue, a person looks at it.
        return faults[0]._replace(outcome=Outcome.MISCONFIGURED)
    return None
