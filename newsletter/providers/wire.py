"""One HTTP call, made once: bounded in time and memory, and honest about what its failure proves."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from newsletter.domain.provider import Answer, Outcome, always, too_late
from newsletter.providers.answers import Reply, reason
from newsletter.providers.settings import is_loopback
from newsletter.providers.stencil import cut

#: An answer is read no further than this, in bytes.
ANSWER_CAP = 1024 * 1024
_CONNECTIONS = 32
#: Compressed answers could grow past the cap in one step.
_PLAIN = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "keep-alive"}


@dataclass(frozen=True)
class Patience:
    """How long to wait: for each operation on the connection, and for the whole call."""

    connect: timedelta = timedelta(seconds=10)
    write: timedelta = timedelta(seconds=15)
    read: timedelta = timedelta(seconds=15)
    pool: timedelta = timedelta(seconds=5)
    call: timedelta = timedelta(seconds=60)


class Wire:
    """A connection pool to one provider that never tries a call twice."""

    def __init__(
        self, base_url: str, patience: Patience, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._elapsed = elapsed
        self._waits = {
            "connect": patience.connect.total_seconds(),
            "write": patience.write.total_seconds(),
            "read": patience.read.total_seconds(),
            "pool": patience.pool.total_seconds(),
        }
        # No client around it: a third of the time of a small call went by in redirects, cookies and
        # authentication that no call here has.
        self._transport = httpx.HTTPTransport(
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            proxy=_proxy(base_url),
        )

    def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: Sequence[bytes],
        may_start: Callable[[], bool] = always,
    ) -> Reply | Answer:
        """Send a body of many parts; return what came back, or what it proves that nothing did.

        Until the first byte of the body is handed over nothing can have been accepted; after it, no failure
        tells whether the call was. `may_start` is asked at that moment, when the connection stands.
        """
        upload = _Upload(body, Deadline(self._elapsed, self._patience.call), may_start)
        sent = {**_PLAIN, **headers, "Content-Length": str(upload.size)}
        try:
            with self._answered(httpx.Request("POST", _url(url), headers=sent, content=upload)) as response:
                return _read(response, upload.deadline)
        except StartRefused:
            return too_late()
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, DeadlinePassed) as error:
            return _failure(error, has_begun=upload.has_begun)
        finally:
            upload.let_go()

    def get(self, url: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Reply | None:
        """Ask for something that changes nothing; None where no whole answer came."""
        deadline = Deadline(self._elapsed, self._patience.call)
        try:
            asked = httpx.Request("GET", url, headers={**_PLAIN, **headers}, params=dict(query))
            with self._answered(asked) as response:
                return _read(response, deadline)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, DeadlinePassed):
            return None

    def close(self) -> None:
        """Let go of every connection."""
        self._transport.close()

    @contextmanager
    def _answered(self, request: httpx.Request) -> Iterator[httpx.Response]:
        request.extensions["timeout"] = self._waits
        response = self._transport.handle_request(request)
        try:
            yield response
        finally:
            response.close()


class DeadlinePassed(Exception):
    """The call as a whole took too long."""


class StartRefused(Exception):
    """Too much time had passed when the first byte was about to leave."""


class Deadline:
    """The end of one call, which starts now; httpx itself bounds single operations only."""

    def __init__(self, elapsed: Callable[[], float], limit: timedelta) -> None:
        self._elapsed = elapsed
        self._end = elapsed() + limit.total_seconds()

    def is_over(self) -> bool:
        """Tell whether the time is up."""
        return self._elapsed() > self._end

    def check(self) -> None:
        """Raise DeadlinePassed once it has."""
        if self.is_over():
            raise DeadlinePassed("the call took too long")


class _Upload:
    """A request body that knows whether any of it was handed over."""

    def __init__(self, parts: Sequence[bytes], deadline: Deadline, may_start: Callable[[], bool]) -> None:
        self._parts = parts
        self._may_start = may_start
        self.deadline = deadline
        self.size = sum(map(len, parts))
        self.has_begun = False

    def let_go(self) -> None:
        """Keep nothing of the call: what httpx made of it points at itself, and lives on for a while."""
        self._parts, self._may_start = (), always

    def __iter__(self) -> Iterator[bytes]:
        for piece in cut(self._parts):
            self.deadline.check()
            if not self.has_begun and not self._may_start():
                # The announced length is never met, so what was sent of the request means nothing.
                raise StartRefused
            self.has_begun = True
            yield piece


@lru_cache(maxsize=64)
def _url(written: str) -> httpx.URL:
    return httpx.URL(written)


def _proxy(base_url: str) -> str | None:
    """Find the proxy that the environment names; none ever stands between this machine and itself."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _read(response: httpx.Response, deadline: Deadline) -> Reply:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > ANSWER_CAP:
            break
        # An answer that is complete counts, however late.
        if deadline.is_over() and not _is_whole(response, len(body)):
            raise DeadlinePassed("the answer took too long")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, bytes(body[:ANSWER_CAP]))


def _is_whole(response: httpx.Response, received: int) -> bool:
    return bool(response.headers.get("content-length") == str(received))


def _failure(error: Exception, *, has_begun: bool) -> Answer:
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if has_begun:
        return Answer(Outcome.UNKNOWN, reason(f"the call was cut off before an answer ({said})"))
    return Answer(Outcome.DEFERRED, reason(f"no connection, nothing was sent ({said})"))
