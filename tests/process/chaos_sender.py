"""A place from which is sent: a process that ends there is followed by another."""

import signal
import time
from collections.abc import Mapping, Sequence
from math import inf
from typing import Protocol

from chaos_cast import Process


class Starting(Protocol):
    """Starts a process of the run."""

    def __call__(self, name: str, *argv: str, **settings: str) -> Process: ...


class Sender:
    """A process that sends, those that came before it, and those that will follow."""

    def __init__(self, start: Starting, argv: Sequence[str], settings: Mapping[str, str]) -> None:
        self._start = start
        self._argv = argv
        self._settings = settings
        self._back_at: float | None = None
        self.process: Process
        self.began: float
        self.begin()

    @property
    def name(self) -> str:
        return self.process.out.name

    @property
    def is_away(self) -> bool:
        """Tell whether it stands still or is dead by our hand."""
        return self._back_at is not None

    @property
    def is_due(self) -> bool:
        """Tell whether it has been away for as long as it should."""
        return self._back_at is not None and time.monotonic() >= self._back_at

    @property
    def is_sending(self) -> bool:
        """Tell whether a long run has begun; a single pass never says so."""
        return "sending from" in self.process.said()

    @property
    def serves(self) -> bool:
        """Tell whether its pages are open."""
        return not self.is_away and self.process.is_running and "public pages on" in self.process.said()

    def begin(self) -> None:
        """Start a process."""
        self.began = time.monotonic()
        self.process = self._start("run", *self._argv, **self._settings)
        self._back_at = None

    def leave(self, seconds: float = inf) -> None:
        """Be away for so long, by what is done to its process."""
        self._back_at = time.monotonic() + seconds

    def come_back(self) -> None:
        """Go on, or start again."""
        if self.process.is_running:
            self.process.send(signal.SIGCONT)
            self._back_at = None
        else:
            self.begin()
