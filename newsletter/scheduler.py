"""Keep the engine going: APScheduler ticks, threads send, the database decides.

The scheduler holds no issue and no persistent job: a lost tick costs seconds, a double tick nothing.
"""

import logging
import threading
from collections.abc import Callable, Sequence

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from newsletter.domain.account import Lane
from newsletter.errors import NewsletterError, StoreError
from newsletter.pipeline.claiming import ALL_LANES
from newsletter.pipeline.running import Engine
from newsletter.signals import wait_for

TICK_SECONDS = 5
SENDERS = 8
#: How long a sender waits after an error before it tries again.
PAUSE_SECONDS = 5
_SHORTEST_REST = 0.005

log = structlog.get_logger()


class Schedule:
    """The ticker and the sender threads of one process."""

    def __init__(
        self,
        engine: Engine,
        *,
        senders: int = SENDERS,
        tick_seconds: float = TICK_SECONDS,
        why_not: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Prepare; `why_not` says why nothing may be sent now, and is asked at every tick."""
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
        # One thread serves the priority lane alone: a confirmation never waits for a bulk call to end.
        lanes = [ALL_LANES] * senders + [(Lane.PRIORITY,)]
        self._senders = [
            threading.Thread(target=self._send, args=(lane,), name=f"sender-{n}", daemon=True)
            for n, lane in enumerate(lanes)
        ]

    def start(self) -> None:
        """Tick once, then start ticking and sending."""
        self._tick()
        self._ticker.start()
        for sender in self._senders:
            sender.start()

    def stop(self) -> None:
        """Claim nothing more, and wait for the calls that are being made."""
        self._stopping.set()
        with self._work:
            self._work.notify_all()
        self._ticker.shutdown(wait=True)
        for sender in self._senders:
            sender.join()

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
                log.info("release", issue=f"{release.series}/{release.issue}", state=release.state.value,
                         deliveries=release.planned)  # fmt: skip
            self._is_well()
        except NewsletterError as error:
            self._fails("tick failed", error)
        with self._work:
            self._work.notify_all()

    def _hold(self) -> bool:
        reason = self._why_not()
        if reason and not self._is_held:
            log.error("nothing is sent", reason=reason)
        self._is_held = bool(reason)
        return self._is_held

    def _send(self, lanes: Sequence[Lane]) -> None:
        while not self._stopping.is_set():
            try:
                if not self._is_held and self._engine.delivering.step(lanes):
                    continue
                rest = self._rest(lanes)
                self._is_well()
            except Exception as error:  # noqa: BLE001 - `_fails` logs it
                # A thread that ended here would stop sending, and nobody would notice.
                self._fails("a step failed", error)
                self._stopping.wait(PAUSE_SECONDS)
                continue
            with self._work:
                if not self._stopping.is_set():
                    self._work.wait(rest)

    def _fails(self, what: str, error: Exception) -> None:
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

    def _rest(self, lanes: Sequence[Lane]) -> float:
        """Return for how many seconds nothing becomes ready by itself."""
        now = self._engine.clock.now()
        ready = self._engine.delivering.ready_at(now, lanes)
        if ready is None or self._is_held:
            return TICK_SECONDS
        return min(max((ready - now).total_seconds(), _SHORTEST_REST), TICK_SECONDS)
