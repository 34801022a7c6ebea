"""Keep the engine going: APScheduler ticks, threads send, the database decides.

The scheduler holds no issue and no persistent job: a lost tick costs seconds, a double tick nothing.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from newsletter.caller_process import CallerProcess
from newsletter.callers import Callers, Ended
from newsletter.domain.account import Lane
from newsletter.domain.provider import Answer, Sightings
from newsletter.errors import NewsletterError, StoreError
from newsletter.pipeline.claiming import ALL_LANES
from newsletter.pipeline.delivering import Delivering
from newsletter.pipeline.running import Engine
from newsletter.pipeline.work import Claim, Look
from newsletter.signals import wait_for

TICK_SECONDS = 5
SENDERS = 8
#: How long a sender waits after an error before it tries again.
PAUSE_SECONDS = 5
_SHORTEST_REST = 0.005

_NONE: Mapping[str, int] = {}
_NO_PROCESSES: Mapping[str, CallerProcess] = {}

log = structlog.get_logger()


class _Line(NamedTuple):
    """What sends through one provider."""

    delivering: Delivering
    callers: Callers


class Schedule:
    """The ticker, and for each provider the planner and the callers, of one process."""

    def __init__(
        self,
        engine: Engine,
        *,
        senders: int = SENDERS,
        senders_of: Mapping[str, int] = _NONE,
        tick_seconds: float = TICK_SECONDS,
        processes: Mapping[str, CallerProcess] = _NO_PROCESSES,
        why_not: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Prepare; `why_not` says why nothing may be sent now, and is asked at every tick.

        `senders` are the calls at once of each provider, but for those of `senders_of`. `processes` make the
        calls of some, beside this one.
        """
        self._engine = engine
        self._why_not = why_not
        self._is_held = False
        self._is_away = False
        self._stopping = threading.Event()
        self._work = threading.Condition()
        # A tick that is left out, as while the database is away, is nothing to warn of.
        quiet = logging.getLogger("newsletter.ticker")
        quiet.setLevel(logging.ERROR)
        self._ticker = BackgroundScheduler(timezone="UTC", logger=quiet)
        self._ticker.add_job(
            self._tick,
            "interval",
            seconds=tick_seconds,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        # Python runs one thread at a time: what is no waiting for a provider is done by one, in one
        # transaction for all calls that have ended or can begin.
        # Each provider has threads of its own: none waits while another is slow, or is down.
        self._lines = [
            _Line(one, Callers(one, senders_of.get(name, senders), processes.get(name)))
            for one in engine.deliveries
            for name in [one.provider.capabilities.name]
        ]
        # One thread serves the priority lane alone: a confirmation never waits for a bulk call to end.
        self._threads = [
            threading.Thread(target=work, args=(line,), name=name, daemon=True)
            for line in self._lines
            for work, name in ((self._plan, "planner"), (self._send_urgent, "urgent"))
        ]

    def start(self) -> None:
        """Tick once, then start ticking and sending."""
        self._tick()
        self._ticker.start()
        for line in self._lines:
            line.callers.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Claim nothing more, and wait for the calls that are being made."""
        self._stopping.set()
        self._wake()
        self._ticker.shutdown(wait=True)
        for thread in self._threads:
            thread.join()
        for line in self._lines:
            line.callers.stop()

    def wait(self) -> None:
        """Wait until somebody stops this process."""
        wait_for(self._stopping)

    def ask_to_stop(self) -> None:
        """End `wait`."""
        self._stopping.set()

    def _tick(self) -> None:
        # A tick never sends: it prepares, and wakes those who do.
        try:
            if self._hold():
                return
            for release in self._engine.tick():
                log.info("release", issue=f"{release.target}", state=release.state.value,
                         deliveries=release.planned)  # fmt: skip
            self._is_well()
        except NewsletterError as error:
            self._fails("tick failed", error)
        self._wake()

    def _wake(self) -> None:
        for line in self._lines:
            line.callers.wake()
        with self._work:
            self._work.notify_all()

    def _hold(self) -> bool:
        reason = self._why_not()
        if reason and not self._is_held:
            log.error("nothing is sent", reason=reason)
        self._is_held = bool(reason)
        return self._is_held

    def _plan(self, line: _Line) -> None:
        rest = 0.0
        while not self._stopping.is_set() or not line.callers.is_idle:
            try:
                self._keep(line, line.callers.take(rest))
                rest = self._give(line)
            except Exception as error:  # noqa: BLE001 - `_fails` logs it
                # A thread that ended here would stop sending, and nobody would notice.
                self._fails("a step failed", error)
                self._stopping.wait(PAUSE_SECONDS)
                rest = 0.0

    def _give(self, line: _Line) -> float:
        """Give work to the callers that are free; return for how many seconds there is no more."""
        free = line.callers.free
        if not free or self._is_held or self._stopping.is_set():
            return TICK_SECONDS
        works = line.delivering.next_works(ALL_LANES, free)
        line.callers.give(works)
        rest = 0.0 if works else self._rest(line, ALL_LANES)
        self._is_well()
        return rest

    def _keep(self, line: _Line, ended: Sequence[Ended]) -> None:
        answered = [
            (work, found) for work, found in ended if isinstance(work, Claim) and isinstance(found, Answer)
        ]
        if answered:
            line.delivering.keep(answered)
        for work, found in ended:
            if isinstance(work, Look) and isinstance(found, Sightings):
                line.delivering.record_look(work, found)

    def _send_urgent(self, line: _Line) -> None:
        lanes = (Lane.PRIORITY,)
        while not self._stopping.is_set():
            try:
                if not self._is_held and line.delivering.step(lanes):
                    continue
                rest = self._rest(line, lanes)
                self._is_well()
            except Exception as error:  # noqa: BLE001 - as above
                self._fails("a step failed", error)
                self._stopping.wait(PAUSE_SECONDS)
                continue
            with self._work:
                if not self._stopping.is_set():
                    self._work.wait(rest)

    def _fails(self, what: str, error: Exception) -> None:
        # A thread that ended for a log that cannot be written would send nothing any more.
        with suppress(Exception):
            if not isinstance(error, StoreError):
                log.error(what, reason=str(error), exc_info=not isinstance(error, NewsletterError))
            elif not self._is_away:
                # Every thread meets it again and again, for as long as it lasts.
                self._is_away = True
                log.error("the database cannot be used", reason=str(error))

    def _is_well(self) -> None:
        if self._is_away:
            self._is_away = False
            log.info("the database can be used again")

    def _rest(self, line: _Line, lanes: Sequence[Lane]) -> float:
        """Return for how many seconds nothing becomes ready by itself."""
        now = self._engine.clock.now()
        ready = line.delivering.ready_at(now, lanes)
        if ready is None or self._is_held:
            return TICK_SECONDS
        return min(max((ready - now).total_seconds(), _SHORTEST_REST), TICK_SECONDS)
