"""Where the people of a sequence stand, as release, plan and resume see it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.sequence import Part, next_part, ruling
from newsletter.domain.subscriber import Verdict
from newsletter.store import audience, sequences, standings
from newsletter.store.standings import Standing

#: People looked at in one statement.
_CHUNK = 50_000


def standing(
    tx: Connection, series_id: int, *, due_at: datetime, now: datetime
) -> Mapping[tuple[str, Standing], int]:
    """Count the people of a sequence by zone and by where they stand at an instant."""
    found: Counter[tuple[str, Standing]] = Counter()
    issues = sequences.begun(tx, series_id)
    after = 0
    while (upto := audience.chunk_end(tx, series_id, after, _CHUNK)) is not None:
        chunk = standings.chunk_of(series_id, issues, after, upto, due_at=due_at, now=now)
        chunk["open_issues"] = sequences.open_issues(tx, series_id, 0)
        found.update(standings.counts_by_zone(tx, chunk))
        after = upto
    return found


def by_verdict(parts: Sequence[Part], standings: Mapping[tuple[str, Standing], int]) -> Counter[Verdict]:
    """Count people by whether they get an issue, or why not."""
    counts: Counter[Verdict] = Counter()
    for (_, one), number in standings.items():
        is_due = one.verdict is Verdict.DUE
        counts[ruling(next_part(parts, one.furthest)) if is_due else one.verdict] += number
    return counts


def people_due(
    tx: Connection, series_id: int, issue_id: int | None, *, occasion: int, due_at: datetime, now: datetime
) -> int:
    """Count who is due at an instant: for an issue of a calendar series, for their next one of a sequence."""
    if issue_id is not None:
        return audience.counts(tx, series_id, issue_id, occasion, now).get(Verdict.DUE, 0)
    parts = sequences.parts(tx, series_id)
    return by_verdict(parts, standing(tx, series_id, due_at=due_at, now=now))[Verdict.DUE]
