"""What people did in a seed, as they know it themselves."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class History:
    """What people did, as they know it themselves; times are true seconds.

    `away` has, for each person, since when no mail may go to them, or None; `pauses` the time from a pause to
    its end, with the issue it stops or None for all.
    """

    away: dict[int, list[tuple[float, bool]]] = field(default_factory=dict)
    ever_away: set[int] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)
    pauses: list[list[Any]] = field(default_factory=list)
    cancelled: dict[str, float] = field(default_factory=dict)
    released_by_hand: dict[str, float] = field(default_factory=dict)
    decided: dict[tuple[str, int], str] = field(default_factory=dict)
    claims: list[datetime] = field(default_factory=list)
    restored: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
