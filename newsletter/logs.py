"""How logs are written: a line each, and a traceback without the values in it."""

from contextlib import suppress

import structlog


class _Lines(structlog.PrintLogger):
    """What writes them; where the disk is full, or nobody reads any more, they are lost and nothing else is.

    Whoever tells of trouble is often in the middle of keeping what must not be lost.
    """

    def msg(self, message: str) -> None:
        # ValueError: the output is closed, or cannot hold a letter.
        with suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def write_plainly() -> None:
    """Keep what a bug's traceback would show of people, links and keys out of the log."""
    # Left alone, structlog prints every local variable of every frame.
    structlog.configure(
        logger_factory=lambda *_names: _Lines(),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ],
    )
