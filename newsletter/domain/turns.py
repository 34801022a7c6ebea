"""Why somebody has not had an issue of a sequence: it is not their turn, or something is in its way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.domain.sequence import Part, next_part


@dataclass(frozen=True)
class Turn:
    """Where an issue of a sequence stands for one person who has not had it.

    `before` names the issues that come to them first, `furthest` the last in order that they have had.
    `unsettled` is one of which the outcome is open, `comes_at` the earliest instant at which it can come.
    """

    is_out: bool = False
    is_approved: bool = True
    is_passed: bool = False
    furthest: str = ""
    before: tuple[str, ...] = ()
    unsettled: str = ""
    comes_at: datetime | None = None


def turn_of(
    slug: str,
    part: Part | None,
    parts: Sequence[Part],
    had: Sequence[Part],
    unsettled: str,
    instants: Sequence[datetime],
) -> Turn:
    """Say where an issue stands for a person; `part` is None for one that was taken out.

    `had` are the issues that they have had, `instants` the slots to come as this person has them.
    """
    if part is None:
        return Turn(is_out=True)
    last = max(had, key=lambda one: one.position, default=None)
    furthest = last.position if last is not None else 0
    before = []
    while (coming := next_part(parts, furthest)) is not None and coming.position < part.position:
        before.append(f"{slug}/{coming.slug}")
        furthest = coming.position
    return Turn(
        is_approved=part.revision is not None,
        is_passed=last is not None and part.position < last.position,
        furthest=f"{slug}/{last.slug}" if last is not None else "",
        before=tuple(before),
        unsettled=unsettled,
        comes_at=instants[len(before)] if len(before) < len(instants) else None,
    )
