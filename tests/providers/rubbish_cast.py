"""What may come back from a provider instead of an answer, and a server that gives it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from provider_cast import a_mailing, a_message

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.settings import Secret
from newsletter.providers.wire import Patience
from newsletter.testing.fake_http import Response

SECRET = "re_S3cretS3cretS3cret"
PATIENCE = Patience(read=timedelta(seconds=2), call=timedelta(seconds=0.6))
POSITIONS = (0, 1, 2)
ACCEPTED, UNKNOWN = Outcome.ACCEPTED, Outcome.UNKNOWN
REFUSED, DEFERRED, MISCONFIGURED = Outcome.REFUSED, Outcome.DEFERRED, Outcome.MISCONFIGURED


def raw(head: str, body: bytes = b"") -> bytes:
    return head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


def said(status: int, value: object, **headers: str) -> Response:
    return Response.of(status, value, {name.replace("_", "-"): text for name, text in headers.items()})


class RawServer:
    """Reads one request, writes bytes as they stand, the pieces a pause apart, and hangs up."""

    def __init__(self, *pieces: bytes, pause: float = 0.0) -> None:
        self._pieces, self._pause = pieces, pause
        self._stopping = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "RawServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._socket.close()
        self._thread.join(2)

    def _serve(self) -> None:
        try:
            connection, _ = self._socket.accept()
            with connection:
                self._take(connection)
                for piece in self._pieces:
                    connection.sendall(piece)
                    if self._stopping.wait(self._pause):
                        return
        except OSError:
            return

    def _take(self, connection: socket.socket) -> None:
        head, _, body = b"", b"", b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        head, _, body = head.partition(b"\r\n\r\n")
        (length,) = (line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < int(length):
            body += connection.recv(65536)


@dataclass(frozen=True)
class Trickle:
    """An answer of which a byte comes every 50 ms."""

    head: bytes
    slow: bytes

    def serve(self) -> RawServer:
        return RawServer(self.head, *(bytes([byte]) for byte in self.slow), pause=0.05)


@contextmanager
def answering(case: Response | bytes | Trickle, fake: type) -> Iterator[str]:
    if isinstance(case, Response):
        with fake(script=[case]) as service:
            yield service.url
        return
    with case.serve() if isinstance(case, Trickle) else RawServer(case) as server:
        yield server.url


def call(adapter: type, url: str) -> Answer:
    sender = "Back Care <weekly@news.example.org>"
    with closing(adapter(url, Secret(SECRET), PATIENCE)) as provider:
        return provider.compile(a_message(sender=sender))(a_mailing()).make()


def is_plain(answer: Answer) -> bool:
    """Tell whether an answer is of known positions, on one line, and without the key."""
    told = repr(answer)
    return (
        {*answer.ids, *answer.rejected} <= set(POSITIONS)
        and not set(answer.ids) & set(answer.rejected)
        and SECRET not in told
        and answer.reason == " ".join(answer.reason.split())
        and len(answer.reason) <= 300
    )


HTML = b"<html><h1>Bad Gateway</h1></html>"
IDS = [{"id": "a"}, {"id": "b"}, {"id": "c"}]
IDS_OF_BOTH = json.dumps({"data": IDS, "id": "a"}).encode()
GZIP = "HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 3"
CHUNKED = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked"
NEVER, NO_YEAR = "Fri, 31 Dec 9999 23:59:59 GMT", f"Tue, 01 Dec {'9' * 40} 12:00:00 GMT"
NO_ZONE = f"Tue, 01 Dec 2026 12:00:00 +{'9' * 40}"
#: What a service in front may say, to any adapter.
NETWORK = {
    "not JSON": (Response(200, b"OK"), UNKNOWN),
    "empty": (Response(200, b""), UNKNOWN),
    "no content": (raw("HTTP/1.1 204 No Content"), UNKNOWN),
    "null": (Response(200, b"null"), UNKNOWN),
    "a number": (Response(200, b"7"), UNKNOWN),
    "not UTF-8": (Response(200, b'{"data":"\xff\xfe"}'), UNKNOWN),
    "a lone surrogate": (Response(200, b'{"id":"\\ud800","data":[{"id":"\\ud800"}]}'), UNKNOWN),
    "nested without end": (Response(200, b"[" * 100_000), UNKNOWN),
    "nested in data": (Response(200, b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), UNKNOWN),
    "5 MB of nothing": (Response(200, b" " * 5_000_000), UNKNOWN),
    "5 MB and then the ids": (Response(200, b" " * 5_000_000 + IDS_OF_BOTH), UNKNOWN),
    "an HTML page": (Response(200, HTML, {"Content-Type": "text/html"}), UNKNOWN),
    "HTML 502": (Response(502, HTML, {"Content-Type": "text/html"}), UNKNOWN),
    "HTML 429": (Response(429, HTML), DEFERRED),
    "HTML 403": (Response(403, HTML), MISCONFIGURED),
    "moved": (said(301, {}, Location="https://elsewhere.example.org/"), MISCONFIGURED),
    "see other": (said(303, {"id": "a", "data": IDS}, Location="http://127.0.0.1:1/"), MISCONFIGURED),
    "kept method": (said(307, {}, Location="/elsewhere"), MISCONFIGURED),
    "redirect to nowhere": (said(308, {}), MISCONFIGURED),
    "a status of tomorrow": (Response(599, b"{}"), UNKNOWN),
    "length too long": (raw("HTTP/1.1 200 OK\nContent-Length: 999", b'{"id":"a"}'), UNKNOWN),
    "length too short": (raw("HTTP/1.1 200 OK\nContent-Length: 4", b'{"id":"a"}'), UNKNOWN),
    "length not a number": (raw("HTTP/1.1 200 OK\nContent-Length: many", b'{"id":"a"}'), UNKNOWN),
    "length below zero": (raw("HTTP/1.1 200 OK\nContent-Length: -1", b'{"id":"a"}'), UNKNOWN),
    "two lengths": (raw("HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 10", b'{"id":"a"}'), UNKNOWN),
    "broken chunks": (raw(CHUNKED, b"zz\r\n{}\r\n"), UNKNOWN),
    "cut chunks": (raw(CHUNKED, b"a\r\n{}"), UNKNOWN),
    "compressed unasked": (raw(GZIP, b"\x1f\x8b\x08"), UNKNOWN),
    "control bytes in a header": (raw("HTTP/1.1 200 OK\nX-A: \x00\x01\nContent-Length: 2", b"{}"), UNKNOWN),
    "high bytes in a header": (raw("HTTP/1.1 200 OK\nX-A: \xff\xfe\nContent-Length: 2", b"{}"), UNKNOWN),
    "a header without a name": (raw("HTTP/1.1 200 OK\n: a\nContent-Length: 2", b"{}"), UNKNOWN),
    "a header without an end": (raw("HTTP/1.1 200 OK\nX-A: " + "a" * 300_000), UNKNOWN),
    "no status": (raw("HTTP/1.1\nContent-Length: 2", b"{}"), UNKNOWN),
    "another protocol": (b"220 mail.example.org ESMTP\r\n", UNKNOWN),
    "silence": (b"", UNKNOWN),
    "a trickle": (Trickle(raw("HTTP/1.1 200 OK\nContent-Length: 99"), b" " * 99), UNKNOWN),
    "a wait without end": (Response(429, b"{}", {"Retry-After": "9" * 400}), DEFERRED),
    "a wait of no kind": (Response(429, b"{}", {"Retry-After": "-1e9; soon"}), DEFERRED),
    "a wait until never": (Response(429, b"{}", {"Retry-After": NEVER}), DEFERRED),
    "a date of no year": (Response(429, b"{}", {"Retry-After": NO_YEAR}), DEFERRED),
    "a date of no zone": (Response(503, b"{}", {"Retry-After": NO_ZONE}), UNKNOWN),
    "the key in the words": (said(500, {"name": "x", "message": f"key {SECRET} is bad"}), UNKNOWN),
    "the key in a refusal": (said(401, {"name": "x", "message": f"Bearer {SECRET}"}), MISCONFIGURED),
    "lines in the words": (said(422, {"name": "a\r\nb", "message": "c\r\nX-A: d\x00\u2028e"}), REFUSED),
    "words without end": (said(422, {"name": "validation_error", "message": "m" * 900_000}), REFUSED),
    "words of another type": (said(422, {"name": "validation_error", "message": {"a": [None]}}), REFUSED),
}  # fmt: skip
