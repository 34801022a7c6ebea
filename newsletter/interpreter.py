"""Set Python up for a process that sends for hours, or imports a million people. See docs/performance.md."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: So long may one thread keep the others from Python, in seconds: the public pages wait behind the planner,
#: and what writes an import behind what reads its file.
_SWITCH = 0.0005
#: A send makes thousands of tuples for each call, none of them in a ring, and would look through them all
#: again and again: that took as long as everything else.
_GARBAGE = (50_000, 20, 100)
#: M_ARENA_MAX of glibc's mallopt(3).
_ARENA_MAX = -8


def prepare_for_bulk() -> None:
    """Let threads change often, look for garbage seldom, and share what is free; for the whole process."""
    sys.setswitchinterval(_SWITCH)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    if sys.platform == "linux":
        # Each thread would keep what it has freed for itself: some 15 MB.
        getattr(ctypes.CDLL(None), "mallopt", lambda _number, _value: 0)(_ARENA_MAX, 1)


@contextmanager
def prepared_for_bulk() -> Iterator[None]:
    """Be prepared while the block runs, in a process that does other things as well."""
    turn, thresholds = sys.getswitchinterval(), gc.get_threshold()
    prepare_for_bulk()
    try:
        yield
    finally:
        sys.setswitchinterval(turn)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
