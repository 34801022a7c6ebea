"""Stop a process in order when somebody asks it to."""

import signal
import threading
from collections.abc import Callable
from types import FrameType

#: How long a wait may keep a signal from being handled.
_SECONDS = 0.5


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT end the process in order."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def end_like_ctrl_c() -> None:
    """Let SIGTERM end what Ctrl-C ends, in order; for a process that a script has put into the background."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def wait_for(event: threading.Event) -> None:
    """Wait, and let this thread handle signals meanwhile."""
    # Python handles a signal in the main thread alone, and where another thread has met it nothing wakes that
    # one: a SIGTERM that comes with SIGCONT would be lost in a wait without an end.
    while not event.wait(_SECONDS):
        pass
