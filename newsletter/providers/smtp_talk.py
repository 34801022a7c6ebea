"""What is said on one connection to a mail server: whole replies, bounded in time and memory."""

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from newsletter.providers.settings import MailServer

CHUNK = 8192
_LONGEST_LINE = 8192
_MOST_LINES = 100
_READY = 220


@dataclass(frozen=True)
class Patience:
    """How long to wait: for each reply, and for a whole call, which alone bounds the last reply of a mail."""

    reply: timedelta = timedelta(seconds=30)
    # RFC 5321 §4.5.3.2 asks for minutes after the final dot: what is lost there is unknown for ever.
    call: timedelta = timedelta(minutes=2)


class Timer:
    """The end of one call, which starts now."""

    def __init__(self, elapsed: Callable[[], float], patience: Patience) -> None:
        self._elapsed = elapsed
        self._reply = patience.reply.total_seconds()
        self._end = elapsed() + patience.call.total_seconds()

    def left(self, *, patient: bool = False) -> float:
        """Return for how many seconds to wait next; raise TimeoutError where there are none left."""
        left = self._end - self._elapsed()
        if left <= 0:
            raise TimeoutError("the call took too long")
        return left if patient else min(left, self._reply)


class Talk(smtplib.SMTP):
    """smtplib's part: greeting, TLS and logging in. Replies are read here: by the line, to a cap, in time."""

    timer: Timer

    def __init__(self, server: MailServer, context: ssl.SSLContext, timer: Timer, name: str | None) -> None:
        self.timer = timer
        self._held = b""
        self._context = context
        self._name = server.host or ""
        self._is_wrapped = server.security == "tls"
        super().__init__(self._name, server.number, name, timer.left())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # What smtplib's own class for TLS does, which takes no other reader of replies.
        connection = socket.create_connection((host, port), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(connection, server_hostname=host) if self._is_wrapped else connection

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply of one or more lines."""
        return self.read()

    def read(self, *, patient: bool = False) -> tuple[int, bytes]:
        """Read one reply; a code of -1 says that it is none. The connection is closed where it is lost."""
        try:
            return self._reply(patient=patient)
        except OSError:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """Hand over everything, or raise."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        self.sock.settimeout(self.timer.left())
        self.sock.sendall(data)

    def make_private(self) -> None:
        """Go on under TLS."""
        if not self.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError("STARTTLS is not offered")
        code, text = self.docmd("STARTTLS")
        if code != _READY:
            raise smtplib.SMTPResponseException(code, text)
        if self._held or self.sock is None:
            # Somebody in between could put replies there (CVE-2011-0411), which smtplib does not look for.
            raise smtplib.SMTPServerDisconnected("the server spoke before the connection was private")
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)
        # Nothing that was said in the clear counts any more (RFC 3207 §4.2).
        self.ehlo_resp = self.helo_resp = None
        self.esmtp_features, self.does_esmtp = {}, False

    @property
    def has_more(self) -> bool:
        """Tell whether more has come than was asked for."""
        return bool(self._held)

    def _reply(self, *, patient: bool) -> tuple[int, bytes]:
        lines: list[bytes] = []
        while len(lines) < _MOST_LINES:
            line = self._line(patient=patient)
            if not re.match(rb"[2-5][0-9]{2}(?:[ -]|$)", line):
                return -1, line
            lines.append(line[4:])
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        raise smtplib.SMTPServerDisconnected("the reply has too many lines")

    def _line(self, *, patient: bool) -> bytes:
        while b"\n" not in self._held:
            if self.sock is None or len(self._held) > _LONGEST_LINE:
                raise smtplib.SMTPServerDisconnected("the reply has no end")
            self.sock.settimeout(self.timer.left(patient=patient))
            if not (received := self.sock.recv(CHUNK)):
                raise smtplib.SMTPServerDisconnected("the server closed the connection")
            self._held += received
        line, _, self._held = self._held.partition(b"\n")
        return line.rstrip()
