"""Stop a process in order when somebody asks it to."""

import signal
import threading
from collections.abc import Callable
from types import FrameType

_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
#: By these somebody asks a process to stop; Windows has no SIGHUP.
STOPPING = tuple(one for one in (signal.SIGTERM, signal.SIGINT, _HANGUP) if one is not None)
#: How long a wait may keep a signal from being handled.
_SECONDS = 0.5


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, of a class of its own.

    The plain one, passing through a string that is executed (a dataclass being made), lets `python -m` end
    with 130 even where it is caught (CPython, `run_eval_code_obj`).
    """


def raise_on_ctrl_c() -> None:
    """Let Ctrl-C end a command with the exit code of whoever catches it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT end the process in order, and SIGHUP, which comes when a terminal is closed."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in STOPPING:
        if number is _HANGUP and signal.getsignal(number) is signal.SIG_IGN:
            # Under nohup a process goes on without its terminal.
            continue
        signal.signal(number, handle)


def end_like_ctrl_c() -> None:
    """Let SIGTERM end what Ctrl-C ends, in order; for a process that a script has put into the background."""
    signal.signal(signal.SIGTERM, _interrupt)


def wait_for(event: threading.Event) -> None:
    """Wait, and let this thread handle signals meanwhile."""
    # Python handles a signal in the main thread alone, and where another thread has met it nothing wakes that
    # one: a SIGTERM that comes with SIGCONT would be lost in a wait without an end.
    while not event.wait(_SECONDS):
        pass
