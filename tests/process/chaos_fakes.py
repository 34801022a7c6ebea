"""The fakes of the providers, which note when each call began."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from newsletter.testing.fake_http import FakeService, Fault, Received, Response
from newsletter.testing.fake_mailgun import FakeMailgun
from newsletter.testing.fake_resend import FakeResend
from newsletter.testing.http_server import Channel
from newsletter.testing.mailgun_rules import all_of, read_form, recipients_of


@dataclass(frozen=True)
class Call:
    """A call that came whole; `begun` is when its body began to come, by the monotonic clock."""

    begun: float
    subject: str
    to: tuple[str, ...]


@dataclass(frozen=True)
class Mail:
    """A mail that the fake has accepted; an alert has no way out."""

    subject: str
    address: str
    way_out: str


class _Stamped(Channel):
    began = 0.0

    def do_POST(self) -> None:  # noqa: N802
        # Blocks until the body begins: the head may leave before the guard is asked.
        self.rfile.peek(1)
        self.began = time.monotonic()
        super().do_POST()


class Watched(FakeService):
    """A fake that notes when each call began; `pauses` are those before the next calls are looked at."""

    calls: list[Call]
    pauses: list[float]
    #: The longest that a call took to be accepted, in seconds.
    slowest: float

    def __enter__(self) -> Self:
        self.calls, self.pauses, self.slowest = [], [], 0.0
        self._here = threading.local()
        super().__enter__()
        assert self._server, "it was just made"
        self._server.RequestHandlerClass = _Stamped
        return self

    def answer(self, request: Received, channel: Any) -> None:
        if request.method == "POST":
            self._here.began = channel.began
            self.calls.append(Call(channel.began, *self.read(request)))
            if self.pauses and (pause := self.pauses.pop(0)):
                self.stopping.wait(pause)
        super().answer(request, channel)

    def handle(self, request: Received) -> Response:
        response = super().handle(request)  # type: ignore[safe-super]
        if request.method == "POST":
            self.slowest = max(self.slowest, time.monotonic() - self._here.began)
        return response

    def read(self, request: Received) -> tuple[str, tuple[str, ...]]:
        """Read the subject and the recipients of a call."""
        raise NotImplementedError

    def mails(self) -> list[Mail]:
        """List what was accepted, in order."""
        raise NotImplementedError


class WatchedResend(Watched, FakeResend):
    """A Resend that keeps time."""

    def read(self, request: Received) -> tuple[str, tuple[str, ...]]:
        mails = json.loads(request.body)
        return mails[0]["subject"], tuple(mail["to"][0] for mail in mails)

    def mails(self) -> list[Mail]:
        return [
            Mail(mail.message["subject"], mail.to[0], _way_out(mail.message.get("headers", {})))
            for mail in list(self.accepted)
        ]


class WatchedMailgun(Watched, FakeMailgun):
    """A Mailgun that keeps time."""

    def read(self, request: Received) -> tuple[str, tuple[str, ...]]:
        fields = read_form(request.headers.get("content-type", ""), request.body) or ()
        return "".join(all_of(fields, "subject")), tuple(recipients_of(fields))

    def mails(self) -> list[Mail]:
        return [Mail(mail.subject, mail.address, _way_out(mail.headers)) for mail in list(self.accepted)]


def _way_out(headers: Mapping[str, str]) -> str:
    return headers.get("List-Unsubscribe", "").strip("<>")


def fake_of(provider: str, script: Sequence[Fault | None], latency: float, index_lag: float) -> Watched:
    """Make the fake of a provider."""
    if provider == "resend":
        return WatchedResend(script=script, latency=latency, keeps_bodies=False)
    return WatchedMailgun(
        script=script, latency=latency, keeps_bodies=False, index_lag=timedelta(seconds=index_lag)
    )
