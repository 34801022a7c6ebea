"""The clock that everything is told the time by; only `app.py` makes one that reads the machine's."""

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tell the time. `now()` is aware UTC; `elapsed()` is monotonic seconds, for deadlines.

    They go on while the machine sleeps.
    """

    def now(self) -> datetime: ...

    def elapsed(self) -> float: ...


class PlayedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def elapsed(self) -> float:
        return self._elapsed

    def advance_to(self, instant: datetime) -> None:
        """Move forward to an instant; an earlier one changes nothing."""
        step = max(timedelta(0), instant - self._now)
        self._now += step
        self._elapsed += step.total_seconds()
