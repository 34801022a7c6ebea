"""A local mail server: SMTP with STARTTLS, TLS, AUTH, SIZE and PIPELINING; it passes nothing on to anybody.

It follows RFC 5321, 3207, 4954, 1870, 2920 and 6531, strictly where lenient servers hide mistakes.
"""

import socket
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import count
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, Self

from newsletter.testing import fake_http
from newsletter.testing.certificates import Certificate
from newsletter.testing.fake_http import machine_clock
from newsletter.testing.smtp_log import Accepted, MailLog
from newsletter.testing.smtp_visit import Visit

__all__ = ["BODY", "DOT", "GREETING", "Accepted", "Does", "FakeSmtp", "Fault", "serve"]

_CHECK_AGAIN = 0.02
#: What a fault can come at, beside the verbs: the greeting, the middle of a mail, its end.
GREETING, BODY, DOT = "greeting", "body", "."


class Does(StrEnum):
    """What goes wrong."""

    #: The reply is another one.
    SAY = "say"
    #: The connection is dropped without a reply.
    DROP = "drop"
    #: Half of the reply arrives, then the connection is dropped.
    HALF = "half"
    #: No reply ever comes.
    HANG = "hang"
    #: The proper reply, then the connection is dropped.
    LEAVE = "leave"


@dataclass(frozen=True)
class Fault:
    """What happens the next time that a verb comes; at the `DOT` it says whether the mail was accepted."""

    at: str
    does: Does = Does.SAY
    reply: str = ""
    accepts: bool = False


class FakeSmtp:
    """A mail server on 127.0.0.1 that runs in threads of its own while the context is open.

    `accepted` lists every mail it took, in order; `script` what goes wrong, each once; `heard` every command,
    with the number of its connection. With `certificate` it offers STARTTLS, with `is_wrapped` TLS from the
    first byte. With `password` a user has to log in, else anybody may. `refuses` has replies by address.
    """

    title = "SMTP"
    hint = ""

    def __init__(
        self,
        *,
        port: int = 0,
        now: Callable[[], datetime] = machine_clock,
        script: Iterable[Fault] = (),
        latency: float = 0.0,
        user: str = "newsletter",
        password: str | None = None,
        certificate: Certificate | None = None,
        is_wrapped: bool = False,
        extensions: Sequence[str] = ("PIPELINING", "SIZE 10485760", "8BITMIME", "ENHANCEDSTATUSCODES"),
        ways_to_log_in: str = "PLAIN LOGIN",
        refuses: Mapping[str, str] | None = None,
        most_mails: int | None = None,
        log: Path | None = None,
        keeps_bodies: bool = True,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.now = now
        self.script = list(script)
        self.latency = latency
        self.user, self.password = user, password
        self.tls = certificate.server_context() if certificate else None
        self.is_wrapped = is_wrapped
        self.extensions = tuple(extensions)
        self.ways_to_log_in = ways_to_log_in
        self.refuses = dict(refuses or {})
        self.most_mails = most_mails
        self.told = told
        self.stopping = threading.Event()
        self.heard: list[tuple[int, str]] = []
        self.connections = count(1)
        self._port = port
        self._log = MailLog(log, keeps_bodies=keeps_bodies)
        self._ids = count(len(self._log.accepted) + 1)
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def accepted(self) -> Sequence[Accepted]:
        return self._log.accepted

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the fake is not running")
        return int(self._server.server_address[1])

    @property
    def where(self) -> str:
        return f'127.0.0.1:{self.port}, security = "none"'

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

    def hang_up(self) -> None:
        """Drop every connection, as a server that starts anew."""
        if self._server:
            self._server.hang_up()

    def next_fault(self, at: str) -> Fault | None:
        """Take what the script has for this."""
        with self._lock:
            fault = next((one for one in self.script if one.at == at), None)
            if fault:
                self.script.remove(fault)
        return fault

    def accept(self, connection: int, sender: str, recipients: Sequence[str], data: bytes) -> str:
        """Take a mail, and name it."""
        with self._lock:
            name = f"fake-{next(self._ids):06d}"
            self._log.add(Accepted(name, self.now(), connection, sender, tuple(recipients), data))
        self.told(f"accepted {name} for {', '.join(recipients)}")
        return name


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, service: FakeSmtp) -> None:
        self.service = service
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        super().__init__(("127.0.0.1", port), _Channel)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.keep(connection)
        return connection, address

    def keep(self, connection: socket.socket) -> None:
        """Remember a connection for as long as it lives, to drop it at the end."""
        self._open.add(connection)

    def server_close(self) -> None:
        # A handler that waits for the next command of a kept connection is woken, then joined.
        self.hang_up()
        super().server_close()

    def hang_up(self) -> None:
        """Drop every connection."""
        for connection in list(self._open):
            with suppress(OSError):
                # Not the method of TLS, which would say goodbye first.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is a part of the play."""


class _Channel(BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Speak with one client to the end."""
        visit = Visit(self.server.service, self.request, self.server.keep)
        try:
            visit.run()
        finally:
            visit.close()


#: Run one for a person.
serve = partial(fake_http.serve, FakeSmtp)
