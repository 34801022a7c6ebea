"""Notice that files change."""

import logging
from collections.abc import Sequence
from pathlib import Path
from threading import Condition, Event, Thread
from types import TracebackType
from typing import Self

from watchfiles import Change, watch

log = logging.getLogger(__name__)

_STEP_MS = 20  # a burst of writes, as an editor saves, counts as one change
_DEBOUNCE_MS = 120
_LOOK_MS = 100  # how often to look for a folder that has come, gone or been replaced


class Changes:
    """Count the changes in some folders and files, deeper ones included; one may be missing for now."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(path.absolute() for path in paths)
        self._version = 0
        self._changed = Condition()
        self._stop = Event()
        self._watching = Event()
        self._thread: Thread | None = None
        self._there: dict[Path, int] | None = None
        self._polls = False

    @property
    def version(self) -> int:
        """Return a number that grows with every change."""
        return self._version

    @property
    def is_stopped(self) -> bool:
        return self._stop.is_set()

    def start(self) -> None:
        """Watch in the background; on return, no later change is missed."""
        self._thread = Thread(target=self._run, name="changes", daemon=True)
        self._thread.start()
        self._watching.wait(timeout=5)

    def stop(self) -> None:
        """Stop watching and let everyone who waits go."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wait(self, since: int, timeout: float) -> int:
        """Return the version once it is not `since`, or after `timeout` seconds, or when stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != since or self.is_stopped, timeout)
        return self._version

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._watch_what_is_there()
            except Exception:
                # Too many watches, or a file system without them; nothing is a reason to go blind.
                log.warning("watching failed, looking again and again instead", exc_info=True)
                self._polls = True
                self._stop.wait(1)

    def _watch_what_is_there(self) -> None:
        there = _identities(self._paths)
        if not there:
            self._go_live(there)
            self._stop.wait(_LOOK_MS / 1000)
            return
        batches = watch(
            *there,
            step=_STEP_MS,
            debounce=_DEBOUNCE_MS,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
            force_polling=self._polls or None,
        )
        for changes in batches:
            self._go_live(there)
            if changes:
                self._note()
            # A watch follows the inode: what is removed and made again has to be watched again.
            is_lost = any(kind is Change.deleted and Path(name) in there for kind, name in changes)
            if is_lost or _identities(self._paths) != there:
                self._there = None
                return

    def _go_live(self, there: dict[Path, int]) -> None:
        # The watch answers, so nothing is missed from here on; what was before counts as a change.
        if self._there != there:
            self._there = there
            self._note()
        self._watching.set()

    def _note(self) -> None:
        with self._changed:
            self._version += 1
            self._changed.notify_all()


def _identities(paths: Sequence[Path]) -> dict[Path, int]:
    found = {}
    for path in paths:
        try:
            found[path] = path.stat().st_ino
        except OSError:
            continue
    return found
