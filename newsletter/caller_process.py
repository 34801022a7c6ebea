"""The planner's end of the process that calls (`newsletter.calling`): it is started, fed, and buried."""

import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta

import structlog

from newsletter.calling import MOST_LETTERS, Found, Letter, Opening, Order, receive, send
from newsletter.domain.provider import Answer, Outcome
from newsletter.domain.tokens import TokenKeys
from newsletter.pipeline.work import Claim, Compiled
from newsletter.providers.settings import ProviderSettings

#: In a folder of somebody else's files nothing is imported from there (`-P`).
COMMAND = (sys.executable, "-P", "-c", "from newsletter.calling import main; main()")
#: How long a process may take to begin, and to end, in seconds.
_PATIENCE = 10
#: How long an order may wait to be read, and the rest of an answer to come, in whole seconds.
_FRAME_SECONDS = 10
_LOOK_SECONDS = 1.0
#: So many open orders keep it busy: one that it composes, one that it posts, and one that waits.
_ENOUGH = 3

log = structlog.get_logger()


class CallerProcess:
    """A process that makes calls; where it is not ready, or no more, threads of this one do.

    `patience` is longer than any call may take: an order that is open for longer ends the process, and leaves
    its outcome unknown.
    """

    def __init__(
        self, accounts: Mapping[str, ProviderSettings], keys: TokenKeys, callers: int, patience: timedelta
    ) -> None:
        self._opening = Opening(accounts, keys, callers)
        self._patience = patience.total_seconds()
        self._ours, self._theirs = socket.socketpair()
        # A process that stands still must not keep the planner from recording, or from stopping.
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            self._ours.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", _FRAME_SECONDS, 0))
        self._lock = threading.Lock()
        #: Ready or dead: one of both is known.
        self._met = threading.Event()
        self._is_ready = False
        self._is_stopping = False
        self._count = 0
        self._open: dict[int, tuple[Claim, float]] = {}
        self._letters: dict[int, tuple[int, Compiled]] = {}

    def start(self, ended: Callable[[Claim, Answer | None], None]) -> None:
        """Start it, and wait until it is ready; `ended` is told what came of each claim.

        Raises OSError where the machine has no room for another process.
        """
        self._ended = ended
        try:
            self._process = subprocess.Popen(COMMAND, stdin=self._theirs.fileno())
        except OSError:
            self._ours.close()
            raise
        finally:
            self._theirs.close()
        self._reader = threading.Thread(target=self._read, name="caller-process", daemon=True)
        self._reader.start()
        self._met.wait(_PATIENCE)

    def stop(self) -> None:
        """End it; it has nothing to do any more."""
        self._is_stopping = True
        with suppress(OSError):
            self._ours.shutdown(socket.SHUT_WR)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.join()
        self._ours.close()

    def kill(self) -> None:
        """End it at once; what came of the calls that it was making is unknown."""
        self._process.kill()
        self.join()

    def join(self, seconds: float | None = None) -> None:
        """Wait until it has ended and every claim has been told of, but no longer than so."""
        self._reader.join(seconds)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        return self._is_ready

    @property
    def has_enough(self) -> bool:
        """Tell whether it has so many orders that it will not run out of them."""
        return len(self._open) >= _ENOUGH

    def take(self, claim: Claim) -> bool:
        """Take a claim to call for; False where this process cannot."""
        with self._lock:
            if not self._is_ready:
                return False
            self._count += 1
            self._open[self._count] = claim, time.monotonic()
            number = self._count
        try:
            letter = self._letter(claim.compiled)
            willing = None if len(claim.willing) == len(claim.frozen.members) else frozenset(claim.willing)
            send(self._ours, Order(number, letter, claim.key, claim.frozen, willing, claim.claimed_at))
        except Exception as error:  # noqa: BLE001 - the claim is told of when the process is buried
            # It may have read the order: what became of the call is not known here.
            self._process.kill()
            log.error("the process that calls takes no more", reason=str(error))
        return True

    def _letter(self, compiled: Compiled) -> int:
        known = self._letters.get(id(compiled))
        if known is None:
            for old in list(self._letters)[: 1 - MOST_LETTERS]:
                del self._letters[old]
            # Kept, so that no other object gets its id.
            known = self._letters[id(compiled)] = self._count, compiled
            send(self._ours, Letter(known[0], compiled.provider, compiled.message, compiled.label))
        return known[0]

    def _read(self) -> None:
        try:
            send(self._ours, self._opening)
            while (found := self._next()) is not None:
                self._hear(found)
        except Exception as error:  # noqa: BLE001 - claims that nobody tells of would keep us from stopping
            self._process.kill()
            log.error("the process that calls cannot be heard", reason=str(error))
        self._bury()

    def _next(self) -> Found | None:
        waiting = select.poll()
        waiting.register(self._ours, select.POLLIN)
        while not waiting.poll(_LOOK_SECONDS * 1000):
            if self._is_overdue():
                log.error("the process that calls does not answer")
                self._process.kill()
        found: Found | None = receive(self._ours)
        return found

    def _is_overdue(self) -> bool:
        with self._lock:
            oldest = min((since for _, since in self._open.values()), default=None)
        return oldest is not None and time.monotonic() - oldest > self._patience

    def _hear(self, found: Found) -> None:
        if not found.number:
            self._is_ready = True
            self._met.set()
            return
        with self._lock:
            claim, _ = self._open.pop(found.number)
        if found.trouble:
            log.error("a call broke", batch=claim.batch.id, reason=found.trouble)
        self._ended(claim, found.answer)

    def _bury(self) -> None:
        with self._lock:
            self._is_ready = False
            left, self._open = self._open, {}
        self._met.set()
        if not self._is_stopping:
            log.error("the process that calls has ended; this one calls from now on", open=len(left))
        for claim, _ in left.values():
            self._ended(claim, Answer(Outcome.UNKNOWN, "the process that made the call has ended"))
