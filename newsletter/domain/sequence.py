"""What comes next in a sequence: each subscriber gets its issues one after the other, from the first.

There is no position to keep: the furthest issue that somebody has had, in the order of today, says which one
is theirs next. So an issue that is inserted, taken out or moved never bursts and never repeats.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.domain.subscriber import Verdict

#: The furthest place of somebody who has had nothing yet.
NOTHING = 0


@dataclass(frozen=True)
class Part:
    """An issue of a sequence at its place, from 1; `revision` is what was approved last, None for nothing."""

    issue_id: int
    slug: str
    position: int
    revision: str | None = None
    is_paused: bool = False


def next_part(parts: Sequence[Part], furthest: int) -> Part | None:
    """Return the first issue behind the furthest that somebody has had; None where there is no more."""
    behind = (part for part in parts if part.position > furthest)
    return min(behind, key=lambda part: part.position, default=None)


def ruling(part: Part | None) -> Verdict:
    """Say whether people whose turn it is get an issue now, or why they wait for it."""
    if part is None:
        return Verdict.FINISHED
    if part.revision is None:
        return Verdict.NOT_APPROVED
    return Verdict.ISSUE_PAUSED if part.is_paused else Verdict.DUE


def advance(parts: Sequence[Part], people: Mapping[int, int]) -> Counter[int]:
    """Say where those who are due stand after a slot; people are counted by the furthest they have had."""
    found: Counter[int] = Counter()
    for furthest, number in people.items():
        part = next_part(parts, furthest)
        is_due = part is not None and ruling(part) is Verdict.DUE
        found[part.position if part is not None and is_due else furthest] += number
    return found
