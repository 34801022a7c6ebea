"""The machine's own seconds."""

import time

#: Linux leaves the time that it sleeps out of its monotonic clock; macOS does so only in Python's own.
_AWAKE_OR_NOT = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def elapsed() -> float:
    """Return seconds that only go forward, the same in all processes, the machine's sleep included.

    A call must not start after an hour's sleep because its claim looks fresh.
    """
    return time.monotonic() if _AWAKE_OR_NOT is None else time.clock_gettime(_AWAKE_OR_NOT)
