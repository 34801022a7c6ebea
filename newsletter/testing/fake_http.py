"""The ground that every fake service stands on: what it is told and asked, and faults to inject."""

import sys
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, Self

from newsletter.errors import ProviderError
from newsletter.signals import wait_for
from newsletter.testing.http_server import CHECK_AGAIN, Channel, Received, Response, Server

__all__ = [
    "BAD_GATEWAY",
    "FakeService",
    "Fault",
    "Received",
    "Response",
    "Script",
    "machine_clock",
    "serve",
]

#: How many of the last requests are kept.
_REMEMBERED = 20


class Fault(StrEnum):
    """What goes wrong with one call; each says whether the service accepted it."""

    #: Accepted and answered; then the connection is dropped without notice.
    ANSWER_THEN_DROP = "answer-then-drop"
    #: Accepted; half of the answer arrives.
    TRUNCATED_ANSWER = "truncated-answer"
    #: Accepted; no answer ever comes.
    NEVER_ANSWER = "never-answer"
    #: Accepted; the connection is dropped before an answer.
    ACCEPT_THEN_DROP = "accept-then-drop"
    #: Accepted; the answer is 500.
    ERROR_AFTER = "error-after"
    #: Accepted; the answer is 200 and empty.
    EMPTY_ANSWER = "empty-answer"
    #: Accepted; the answer trickles in, a byte every `latency`.
    SLOW_ANSWER = "slow-answer"
    #: Not accepted; the connection is dropped.
    DROP_BEFORE = "drop-before"
    #: Not accepted; the answer is 500.
    ERROR_BEFORE = "error-before"
    #: Not accepted; 429 with Retry-After.
    RATE_LIMITED = "rate-limited"
    #: Not accepted; 429 without Retry-After.
    RATE_LIMITED_BARE = "rate-limited-bare"
    #: Not accepted; a page of the network in front of the service.
    BAD_GATEWAY = "bad-gateway"


#: What the next calls meet, in order; None is no fault.
Script = Iterable[Fault | Response | None]
BAD_GATEWAY = Response(502, b"<html><h1>502 Bad Gateway</h1></html>", {"Content-Type": "text/html"})
_ACCEPTED = frozenset(
    {
        Fault.ANSWER_THEN_DROP,
        Fault.TRUNCATED_ANSWER,
        Fault.NEVER_ANSWER,
        Fault.ACCEPT_THEN_DROP,
        Fault.ERROR_AFTER,
        Fault.EMPTY_ANSWER,
        Fault.SLOW_ANSWER,
    }
)


def machine_clock() -> datetime:
    """Read this machine's clock, as a service outside of us does."""
    return datetime.now(UTC)


class FakeService(ABC):
    """A service on 127.0.0.1 that runs in threads of its own while the context is open.

    A subclass gives `handle`, which accepts and answers, and `failed`, which words a fault's answer. To be
    served it has a `title`, lists what is `accepted`, and `hint` says what its user has to know.
    """

    title = ""
    hint = ""

    def __init__(
        self,
        *,
        port: int = 0,
        now: Callable[[], datetime] = machine_clock,
        script: Script = (),
        latency: float = 0.0,
    ) -> None:
        self.now = now
        self.script = deque(script)
        self.requests: deque[Received] = deque(maxlen=_REMEMBERED)
        self.latency = latency
        self.stopping = threading.Event()
        self._port = port
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def handle(self, request: Received) -> Response:
        """Answer a request, and accept what it brings."""

    @abstractmethod
    def failed(self, fault: Fault) -> Response:
        """Word the answer of a fault that has one."""

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the fake is not running")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def where(self) -> str:
        return self.url

    def __enter__(self) -> Self:
        self._server = Server(self._port, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(CHECK_AGAIN,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def next_fault(self, request: Received) -> Fault | Response | None:
        """Take what the script has for this request; reading is never disturbed."""
        if request.method != "POST":
            return None
        try:
            return self.script.popleft()
        except IndexError:
            return None

    def answer(self, request: Received, channel: Channel) -> None:
        """Take a request through the script to its answer."""
        self.requests.append(request)
        fault = self.next_fault(request)
        if isinstance(fault, Response):
            channel.send(fault)
        elif fault is None:
            channel.send(self.handle(request))
        elif fault in _ACCEPTED:
            self._after(fault, self.handle(request), channel)
        elif fault is Fault.DROP_BEFORE:
            channel.drop()
        else:
            channel.send(self.failed(fault))

    def _after(self, fault: Fault, response: Response, channel: Channel) -> None:
        match fault:
            case Fault.NEVER_ANSWER:
                channel.hang()
            case Fault.ACCEPT_THEN_DROP:
                channel.drop()
            case Fault.TRUNCATED_ANSWER:
                channel.send(response, cut_at=len(response.body) // 2)
                channel.drop()
            case Fault.SLOW_ANSWER:
                channel.trickle(response, self.latency or CHECK_AGAIN)
            case Fault.ERROR_AFTER:
                channel.send(self.failed(fault))
            case Fault.EMPTY_ANSWER:
                channel.send(Response(200, b""))
            case _:
                channel.send(response)
                channel.drop()


class Served(Protocol):
    """What a person can start; `where` says how it is reached."""

    title: str
    hint: str
    stopping: threading.Event

    @property
    def where(self) -> str: ...

    @property
    def accepted(self) -> Sequence[Any]: ...


def serve(
    make: Callable[..., AbstractContextManager[Served]],
    port: int,
    log: Path | None = None,
    told: Callable[[str], None] | None = None,
) -> None:
    """Run a fake until it is interrupted, and tell a line for every call.

    Raises ProviderError where the port cannot be had.
    """
    tell = told or _say
    try:
        with make(port=port, log=log, keeps_bodies=False, told=tell) as fake:
            so_far = f"{len(fake.accepted)} mails accepted so far"
            tell(f"fake {fake.title} on {fake.where}; {so_far}; stop with Ctrl-C")
            if fake.hint:
                tell(fake.hint)
            with suppress(KeyboardInterrupt):
                wait_for(fake.stopping)
            tell(f"{len(fake.accepted)} mails accepted")
    except OSError as error:
        raise ProviderError(
            f"the fake cannot listen on port {port} ({error.strerror})", mend="choose another with --port"
        ) from error


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
