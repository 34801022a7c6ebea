"""How logs are written: a line each, and a traceback without the values in it."""

import structlog


def write_plainly() -> None:
    """Keep what a bug's traceback would show of people, links and keys out of the log."""
    # Left alone, structlog prints every local variable of every frame.
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )
