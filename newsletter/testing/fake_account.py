"""An account at a fake service: what it has accepted, and how it is asked for it."""

import json
import threading
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from newsletter.testing.accepted import Accepted, Ledger
from newsletter.testing.fake_http import FakeService, Received, Response, Script, machine_clock


class FakeAccount(FakeService):
    """An account on 127.0.0.1.

    `accepted` has every mail for every address, in order. With `log` they are written to a file before the
    answer, and read back at the start. `key` None takes any key. A mail can be found once it is `index_lag`
    old. `reading` holds answers that the next reads get instead.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        now: Callable[[], datetime] = machine_clock,
        script: Script = (),
        reading: Iterable[Response | None] = (),
        latency: float = 0.0,
        key: str | None = None,
        log: Path | None = None,
        index_lag: timedelta = timedelta(0),
        keeps_bodies: bool = True,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(port=port, now=now, script=script, latency=latency)
        self.reading = deque(reading)
        self.index_lag = index_lag
        self.ledger = Ledger(Accepted, log, keeps_bodies=keeps_bodies)
        self.lock = threading.Lock()
        self._key = key
        self._told = told

    @abstractmethod
    def respond(self, request: Received) -> Response:
        """Answer a request that no script answers."""

    @abstractmethod
    def summary(self, said: object) -> str:
        """Say in a few words what an answer of JSON says."""

    @property
    def accepted(self) -> Sequence[Accepted]:
        return self.ledger.accepted

    @property
    def leaks(self) -> Sequence[Accepted]:
        """List the mails that show their reader the other recipients."""
        return [mail for mail in self.accepted if mail.is_leak]

    def takes(self, key: str) -> bool:
        """Tell whether a key is one of the account's."""
        return bool(key) and self._key in (None, key)

    def is_read(self, request: Received) -> bool:
        """Tell whether a request changes nothing."""
        return request.method == "GET"

    def is_indexed(self, mail: Accepted, retention: timedelta) -> bool:
        """Tell whether a search finds a mail by now, and still does."""
        return self.index_lag <= self.now() - mail.at < retention

    def handle(self, request: Received) -> Response:
        scripted = self.reading.popleft() if self.is_read(request) and self.reading else None
        if self.latency and not self.is_read(request):
            self.stopping.wait(self.latency)
        response = scripted or self.respond(request)
        words = self._words(response)
        self._told(f"{request.method} {urlsplit(request.path).path} -> {response.status} {words}".rstrip())
        return response

    def _words(self, response: Response) -> str:
        try:
            return self.summary(json.loads(response.body))
        except (ValueError, KeyError, TypeError, IndexError):
            return response.body.decode("utf-8", "replace")[:80]
