"""Threads that wait for providers, so that the one which plans for them never does."""

import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog

from newsletter.caller_process import CallerProcess
from newsletter.domain.provider import Answer, Sightings
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.work import Claim, Look, Work

log = structlog.get_logger()


class Ended(NamedTuple):
    """What came of a piece of work; nothing where it broke."""

    work: Work
    found: Answer | Sightings | None


class Callers:
    """So many calls at once; one thread gives work, and takes what came of it.

    A process beside this one makes the calls, where there is one and it is ready.
    """

    def __init__(self, delivering: Delivering, most: int, process: CallerProcess | None = None) -> None:
        self._delivering = delivering
        self._process = process
        self._given: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[Ended | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"caller-{number}", daemon=True) for number in range(most)
        ]
        self.free = most
        #: The call that this process makes, where the other one makes the others.
        self._ours: Work | None = None

    def start(self) -> None:
        """Start the threads, and the process."""
        if self._process is not None:
            self._start(self._process)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads and the process, which have nothing to do any more."""
        if self._process is not None:
            self._process.stop()
        for _ in self._threads:
            self._given.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def is_idle(self) -> bool:
        return self.free == len(self._threads)

    def give(self, works: Sequence[Work]) -> None:
        """Hand work over; for a thread a call is composed here, because only waiting can be shared."""
        for work in works:
            if self._is_taken(work):
                self.free -= 1
            elif _is_composed(work):
                self.free -= 1
                self._ours = work if isinstance(work, Claim) else self._ours
                self._given.put(work)

    def take(self, seconds: float) -> list[Ended]:
        """Wait so long for work to end, and return all that has."""
        ended: list[Ended] = []
        try:
            one = self._ended.get(timeout=seconds) if seconds > 0 else self._ended.get_nowait()
            while True:
                ended += [one] if one is not None else []
                one = self._ended.get_nowait()
        except queue.Empty:
            self.free += len(ended)
            if any(one.work is self._ours for one in ended):
                self._ours = None
            return ended

    def wake(self) -> None:
        """Let nobody wait for work to end any longer."""
        self._ended.put(None)

    def _start(self, process: CallerProcess) -> None:
        try:
            process.start(lambda claim, answer: self._ended.put(Ended(claim, answer)))
        except OSError as error:
            log.error("a process that calls cannot be started; this one calls", reason=str(error))
            self._process = None

    def _is_taken(self, work: Work) -> bool:
        if self._process is None or not isinstance(work, Claim):
            return False
        return not self._lends_a_hand(self._process) and self._process.take(work)

    def _lends_a_hand(self, process: CallerProcess) -> bool:
        """Tell whether this process has the time to make a call itself, and the other one enough to do."""
        return self._ours is None and process.has_enough and self._ended.empty()

    def _run(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        # A name that lives on while the thread waits would keep a whole call.
        work = self._given.get()
        if work is not None:
            self._ended.put(Ended(work, self._do(work)))
        return work is not None

    def _do(self, work: Work) -> Answer | Sightings | None:
        try:
            return self._delivering.search(work) if isinstance(work, Look) else self._delivering.call(work)
        except Exception as error:  # noqa: BLE001 - `_tell` logs it
            _tell("a call broke", work, error)
            return None


def _is_composed(work: Work) -> bool:
    try:
        return isinstance(work, Look) or work.call is not None
    except Exception as error:  # noqa: BLE001 - `_tell` logs it
        _tell("a call could not be composed", work, error)
        return False


def _tell(what: str, work: Work, error: Exception) -> None:
    # A thread that ended for a log that cannot be written would be waited for without an end.
    with suppress(Exception):
        log.error(what, batch=work.batch.id, reason=str(error), exc_info=error)
