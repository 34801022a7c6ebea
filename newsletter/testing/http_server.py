"""The HTTP/1.1 server of a fake: a thread for each connection, and answers that break off anywhere."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any, Self

from newsletter.providers.faking import NAME

if TYPE_CHECKING:
    from newsletter.testing.fake_http import FakeService

#: How often a wait looks whether the fake is stopping, in seconds.
CHECK_AGAIN = 0.02


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


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, service: "FakeService") -> None:
        self.service = service
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Channel)

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


class Channel(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

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
        self.connection.settimeout(CHECK_AGAIN)
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
        headers = {
            "Date": date,
            "Server": NAME,
            **response.headers,
            "Content-Length": str(len(response.body)),
        }
        lines = [f"HTTP/1.1 {response.status} {self.responses.get(response.status, ('',))[0]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The other side was quicker.
        return
