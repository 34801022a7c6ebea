"""The connection of one client of the fake mail server: lines in, replies out, TLS between them."""

import socket
import ssl
import threading
from collections.abc import Callable

_CHUNK = 64 * 1024
_CHECK_AGAIN = 0.02
_END = b"\r\n.\r\n"


class Gone(Exception):
    """The connection has ended."""


class Line:
    """What is read and written; replies are kept back until `flush`.

    `held` was received and not yet read. `keep` is told of the connection that TLS puts in place of another.
    """

    def __init__(
        self,
        connection: socket.socket,
        stopping: threading.Event,
        tls: ssl.SSLContext | None,
        keep: Callable[[socket.socket], None],
    ) -> None:
        self.held = b""
        self.is_private = False
        self._connection = connection
        self._stopping = stopping
        self._tls = tls
        self._keep = keep
        self._replies: list[str] = []

    def hurry(self) -> None:
        """Let no reply wait for another one."""
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def reply(self, text: str) -> None:
        """Keep a reply for the next flush."""
        if text:
            self._replies.append(text.replace("\n", "\r\n") + "\r\n")

    def flush(self) -> None:
        """Send what was kept back."""
        if self._replies:
            self._connection.sendall("".join(self._replies).encode())
            self._replies = []

    def say(self, text: str) -> None:
        """Reply at once."""
        self.reply(text)
        self.flush()

    def break_off(self, text: str) -> None:
        """Send what is left of a reply, as it stands."""
        self._connection.sendall(text.encode())

    def hang(self) -> None:
        """Say nothing until the other side has gone."""
        self._connection.settimeout(_CHECK_AGAIN)
        while not self._stopping.is_set():
            try:
                if not self._connection.recv(1):
                    return
            except TimeoutError:
                continue

    def wrap(self) -> None:
        """Make the connection private."""
        assert self._tls, "a certificate was given"
        wrapped = self._tls.wrap_socket(self._connection, server_side=True, do_handshake_on_connect=False)
        self._connection = wrapped
        # The one before it is no connection any more.
        self._keep(wrapped)
        try:
            wrapped.do_handshake()
        except ssl.SSLError as error:
            raise Gone from error
        self.is_private = True

    def read(self) -> bytes:
        """Read a line without its end."""
        while b"\r\n" not in self.held:
            self.receive()
        line, _, self.held = self.held.partition(b"\r\n")
        return line

    def body(self) -> bytes:
        """Read to the final dot; what follows it is the next command."""
        seen = bytearray(b"\r\n" + self.held)
        looked = 0
        while (end := seen.find(_END, looked)) < 0:
            looked = max(0, len(seen) - len(_END))
            self.held = b""
            self.receive()
            seen += self.held
        self.held = bytes(seen[end + len(_END) :])
        return bytes(seen[2 : end + 2])

    def receive(self) -> None:
        """Wait for whatever comes next."""
        received = self._connection.recv(_CHUNK)
        if not received:
            raise Gone
        self.held += received
