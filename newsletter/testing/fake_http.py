"""The ground that every fake service stands on: a threaded HTTP/1.1 server, and faults to inject."""

import json
import socket
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Self

_CHECK_AGAIN = 0.02
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


@dataclass(frozen=True)
class Response:
    """An answer; in a script it is given as it stands, and nothing is accepted."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, value: object, headers: Mapping[str, str] | None = None) -> Self:
        """Make an answer of JSON."""
        return cls(
            status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}
        )


@dataclass(frozen=True)
class Received:
    """A request as it came; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


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

    A subclass gives `handle`, which accepts and answers, and `failed`, which words a fault's answer.
    """

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
        self._server: _Server | None = None
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

    def __enter__(self) -> Self:
        self._server = _Server(self._port, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_CHECK_AGAIN,), daemon=True)
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

    def answer(self, request: Received, channel: "_Channel") -> None:
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

    def _after(self, fault: Fault, response: Response, channel: "_Channel") -> None:
        match fault:
            case Fault.NEVER_ANSWER:
                channel.hang()
            case Fault.ACCEPT_THEN_DROP:
                channel.drop()
            case Fault.TRUNCATED_ANSWER:
                channel.send(response, cut_at=len(response.body) // 2)
                channel.drop()
            case Fault.SLOW_ANSWER:
                channel.trickle(response, self.latency or _CHECK_AGAIN)
            case Fault.ERROR_AFTER:
                channel.send(self.failed(fault))
            case Fault.EMPTY_ANSWER:
                channel.send(Response(200, b""))
            case _:
                channel.send(response)
                channel.drop()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, service: FakeService) -> None:
        self.service = service
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Channel)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        # A handler that waits for the next request of a kept connection is woken, then joined.
        for connection in list(self._open):
            _hang_up(connection)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is a part of the play."""


class _Channel(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def send(self, response: Response, *, cut_at: int | None = None) -> None:
        """Write an answer in one go; `cut_at` leaves out the rest of the body."""
        self.connection.sendall(self._head(response) + response.body[:cut_at])

    def trickle(self, response: Response, pause: float) -> None:
        """Write an answer byte by byte."""
        self.connection.sendall(self._head(response))
        for byte in response.body:
            if self.server.service.stopping.wait(pause):
                return
            self.connection.sendall(bytes([byte]))

    def hang(self) -> None:
        """Say nothing until the other side has gone."""
        self.connection.settimeout(_CHECK_AGAIN)
        while not self.server.service.stopping.is_set():
            try:
                if not self.connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.close_connection = True

    def drop(self) -> None:
        """End the connection without notice."""
        _hang_up(self.connection)
        self.close_connection = True

    def _take(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.service.answer(Received(self.command, self.path, headers, body), self)

    def _head(self, response: Response) -> bytes:
        date = format_datetime(self.server.service.now().astimezone(UTC), usegmt=True)
        headers = {"Date": date, **response.headers, "Content-Length": str(len(response.body))}
        lines = [f"HTTP/1.1 {response.status} {self.responses.get(response.status, ('',))[0]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The other side was quicker.
        return
