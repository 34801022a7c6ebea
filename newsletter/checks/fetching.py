"""Ask a public web address whether it answers: without credentials, and never one inside somebody's network.

Every address that a name resolves to is looked at before a connection is made, and the connection is made
to that very address; a redirect is a new address, and looked at anew.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

MOST_HOPS = 5
#: So much of a page is read, in bytes.
MOST_READ = 1_000_000
PERMANENT, TEMPORARY = frozenset({301, 308}), frozenset({302, 303, 307})
#: What some servers answer to HEAD though they have the page.
_ASK_AGAIN = frozenset({400, 403, 404, 405, 406, 410, 500, 501, 503})
# An address of IPv4 inside one of IPv6 (RFC 6052, 3056) reaches what the outer one does not show.
_WRAPPED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("2002::/16"))
_SAFE = "/%:@!$&'()*+,;=~-._"


class Trouble(StrEnum):
    """Why there is no answer."""

    PRIVATE = "it is not public"
    UNKNOWN = "its name is unknown"
    UNSAFE = "its certificate is not good"
    SILENT = "it does not answer"
    MALFORMED = "it is no web address"


@dataclass(frozen=True)
class Reply:
    """What came of asking: the last status, where it was found, and how it got there; or the trouble.

    `body` is what was read; None where nobody asked for it, or where it did not come whole.
    """

    url: str
    status: int = 0
    content_type: str = ""
    hops: tuple[int, ...] = ()
    trouble: Trouble | None = None
    detail: str = ""
    body: bytes | None = None


class _Answer(NamedTuple):
    status: int
    location: str
    content_type: str
    body: bytes | None = None


class _Troubled(Exception):
    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(trouble)
        self.trouble, self.detail = trouble, detail


def resolved(host: str, port: int) -> list[str]:
    """Return every address of a host, by the system's resolver."""
    return list(
        dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    )


def is_public(address: str) -> bool:
    """Tell whether an address is one that anybody on the internet can mean."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and any(found in network for network in _WRAPPED):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


@dataclass(frozen=True)
class Fetcher:
    """Ask web addresses; `agent` says who asks, `seconds` bounds one answer as a whole."""

    agent: str
    resolve: Callable[[str, int], Sequence[str]] = resolved
    is_allowed: Callable[[str], bool] = is_public
    seconds: float = 10.0
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def ask(self, url: str) -> Reply:
        """Follow an address to where it ends; never raises."""
        return self._follow(url, self._visit)

    def read(self, url: str) -> Reply:
        """Follow an address to where it ends and read what is there, up to 1 MB; never raises."""
        return self._follow(url, self._read)

    def _follow(self, url: str, visit: Callable[[str], _Answer]) -> Reply:
        hops: list[int] = []
        while True:
            try:
                status, location, content_type, body = visit(url)
            except _Troubled as error:
                return Reply(url, hops=tuple(hops), trouble=error.trouble, detail=error.detail)
            if status not in PERMANENT | TEMPORARY or not location or len(hops) == MOST_HOPS:
                return Reply(url, status, content_type, tuple(hops), body=body)
            hops.append(status)
            try:
                url = urljoin(url, location)
            except ValueError:
                return Reply(location, hops=tuple(hops), trouble=Trouble.MALFORMED)

    def _visit(self, url: str) -> _Answer:
        parts, host, port = _parsed(url)
        address = self._address(host, port)
        answer = self._request("HEAD", parts, host, port, address)
        if answer[0] in _ASK_AGAIN:
            answer = self._request("GET", parts, host, port, address)
        return answer

    def _read(self, url: str) -> _Answer:
        parts, host, port = _parsed(url)
        return self._request("GET", parts, host, port, self._address(host, port), whole=True)

    def _address(self, host: str, port: int) -> str:
        try:
            addresses = self.resolve(host, port)
        except socket.gaierror as error:
            # Only some of its answers say that the name does not exist.
            is_final = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
            raise _Troubled(Trouble.UNKNOWN if is_final else Trouble.SILENT, str(error.strerror)) from None
        except (OSError, UnicodeError) as error:
            raise _Troubled(Trouble.MALFORMED, str(error)) from None
        if not addresses:
            raise _Troubled(Trouble.UNKNOWN)
        if hidden := [one for one in addresses if not self.is_allowed(one)]:
            raise _Troubled(Trouble.PRIVATE, f"{host} is {hidden[0]}")
        return addresses[0]

    def _request(
        self, method: str, parts: SplitResult, host: str, port: int, address: str, *, whole: bool = False
    ) -> _Answer:
        connection = HTTPConnection(host, port, timeout=self.seconds)
        # Left to itself it would resolve the name again, and connect to whatever that says now.
        connection.auto_open = 0
        # The connection forgets its line as soon as the headers are there; the page comes after them.
        lines: list[socket.socket] = []
        is_late = threading.Event()
        watch = threading.Timer(self.seconds, _hang_up, [lines, is_late])
        asked = {"User-Agent": self.agent, "Accept": "*/*", "Connection": "close"}
        if method == "GET" and not whole:
            # Nobody wants to send a film to somebody who wants a status.
            asked["Range"] = "bytes=0-2047"
        try:
            connection.sock = socket.create_connection((address, port), self.seconds)
            lines.append(connection.sock)
            watch.start()
            if parts.scheme == "https":
                connection.sock = self._secured(connection.sock, host)
                lines.append(connection.sock)
                connection.sock.do_handshake()
            connection.request(method, _target(parts), headers=asked)
            response = connection.getresponse()
            body = _whole(response) if whole and response.status == HTTPStatus.OK else None
            # Hung up on in the middle, a page without a length looks as if it had come whole.
            return _told(response, None if is_late.is_set() else body)
        except ssl.SSLCertVerificationError as error:
            raise _Troubled(Trouble.UNSAFE, error.verify_message) from None
        except ssl.SSLError as error:
            raise _Troubled(Trouble.UNSAFE, error.reason or "") from None
        except TimeoutError:
            raise _Troubled(Trouble.SILENT, f"not within {self.seconds:g} seconds") from None
        except (OSError, HTTPException, ValueError) as error:
            raise _Troubled(Trouble.SILENT, str(error) or type(error).__name__) from None
        finally:
            watch.cancel()
            connection.close()

    def _secured(self, line: socket.socket, host: str) -> ssl.SSLSocket:
        # The handshake comes later, when the line can be hung up on.
        return self.tls.wrap_socket(line, server_hostname=host, do_handshake_on_connect=False)


def _parsed(url: str) -> tuple[SplitResult, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        raise _Troubled(Trouble.MALFORMED) from None
    if parts.scheme not in ("http", "https") or not host:
        raise _Troubled(Trouble.MALFORMED, f"{parts.scheme or 'nothing'} is not asked")
    if parts.username is not None:
        raise _Troubled(Trouble.PRIVATE, "it holds a name or a password")
    return parts, host, port


def _target(parts: SplitResult) -> str:
    query = f"?{quote(parts.query, safe=_SAFE + '?')}" if parts.query else ""
    return (quote(parts.path, safe=_SAFE) or "/") + query


def _told(response: HTTPResponse, body: bytes | None) -> _Answer:
    content_type = response.getheader("Content-Type") or ""
    return _Answer(
        response.status,
        response.getheader("Location") or "",
        content_type.partition(";")[0].strip().lower(),
        body,
    )


def _whole(response: HTTPResponse) -> bytes | None:
    """Read what is there; None where it is too long, breaks off or comes packed."""
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        return None
    body = response.read(MOST_READ + 1)
    return None if len(body) > MOST_READ or response.length else body


def _hang_up(lines: Sequence[socket.socket], is_late: threading.Event) -> None:
    # A server that sends a byte now and then never meets the time-out of a single read. Its reader wakes up
    # with the line, and must know then.
    is_late.set()
    with suppress(OSError):
        lines[-1].shutdown(socket.SHUT_RDWR)
