"""Keep the engine going: APScheduler ticks, threads send, the database decides.

The scheduler holds no issue and no persistent job: a lost tick costs seconds, a double tick nothing.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from newsletter.errors import NewsletterError
from newsletter.pipeline.running import Engine

TICK_SECONDS = 5
SENDERS = 4
#: How long a sender waits after an error before it tries again.
PAUSE_SECONDS = 5

log = structlog.get_logger()


class Schedule:
    """The ticker and the sender threads of one process."""

    def __init__(self, engine: Engine, *, senders: int = SENDERS, tick_seconds: float = TICK_SECONDS) -> None:
        self._engine = engine
        self._stopping = threading.Event()
        self._work = threading.Condition()
        self._ticker = BackgroundScheduler(timezone="UTC")
        self._ticker.add_job(
            self._tick,
            "interval",
            seconds=tick_seconds,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        self._senders = [
            threading.Thread(target=self._send, name=f"sender-{n}", daemon=True) for n in range(senders)
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
        self._stopping.wait()

    def ask_to_stop(self) -> None:
        """End `wait`."""
        self._stopping.set()

    def _tick(self) -> None:
        # A tick never sends: it prepares, and wakes those who do.
        try:
            for release in self._engine.releasing.tick(self._engine.clock.now()):
                log.info("release", issue=f"{release.series}/{release.issue}", state=release.state.value,
                         deliveries=release.planned)  # fmt: skip
        except NewsletterError as error:
            log.error("tick failed", reason=str(error))
        with self._work:
            self._work.notify_all()

    def _send(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._engine.delivering.step():
                    continue
            except Exception as error:
                # A thread that ended here would stop sending, and nobody would notice.
                is_bug = not isinstance(error, NewsletterError)
                log.error("a step failed", reason=str(error), exc_info=is_bug)
                self._stopping.wait(PAUSE_SECONDS)
                continue
            with self._work:
                if not self._stopping.is_set():
                    self._work.wait(TICK_SECONDS)


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT end the process in order."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
