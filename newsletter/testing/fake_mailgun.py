"""A local Mailgun: the send of a batch with recipient variables, its limits, and the events.

It follows documentation.mailgun.com and Mailgun's OpenAPI description as of 2026-07. It sends nothing to
anybody.
"""

import binascii
import json
import threading
import uuid
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from newsletter.testing import fake_http
from newsletter.testing.accepted import Ledger
from newsletter.testing.account_pages import MailgunPages
from newsletter.testing.fake_http import (
    BAD_GATEWAY,
    FakeService,
    Fault,
    Received,
    Response,
    Script,
    machine_clock,
)
from newsletter.testing.mailgun_log import Accepted, read_log
from newsletter.testing.mailgun_rules import (
    Fields,
    all_of,
    filler,
    group_of,
    one_of,
    read_form,
    recipients_of,
    refusal,
    variables_of,
)

__all__ = ["Accepted", "FakeMailgun", "Fault", "Response", "error", "read_log", "serve"]

#: For so long events are kept on the smallest plan.
RETENTION = timedelta(days=3)
_LARGEST_PAGE = 300
_MAGNIFICENT = Response(200, b"Mailgun Magnificent API", {"Content-Type": "text/plain"})
_FORBIDDEN = Response(401, b"Forbidden", {"Content-Type": "text/plain"})


class FakeMailgun(FakeService):
    """A Mailgun account on 127.0.0.1.

    `accepted` has every mail for every address, in order. With `log` they are written to a file before the
    answer, and read back at the start. `api_key` None takes any key, `domains` None any domain. An event can
    be read once it is `index_lag` old. `reading` holds answers that the next reads of events get instead.
    """

    title = "Mailgun"

    def __init__(
        self,
        *,
        port: int = 0,
        now: Callable[[], datetime] = machine_clock,
        script: Script = (),
        reading: Iterable[Response | None] = (),
        latency: float = 0.0,
        api_key: str | None = None,
        domains: Collection[str] | None = None,
        log: Path | None = None,
        index_lag: timedelta = timedelta(0),
        passes: int = 1,
        keeps_bodies: bool = True,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(port=port, now=now, script=script, latency=latency)
        self.reading = deque(reading)
        self._api_key = api_key
        self._domains = domains
        self._index_lag = index_lag
        self._passes = passes
        self._told = told
        self._lock = threading.Lock()
        self._log = Ledger(Accepted, log, keeps_bodies=keeps_bodies)
        self.pages = MailgunPages()

    @property
    def accepted(self) -> Sequence[Accepted]:
        return self._log.accepted

    @property
    def leaks(self) -> Sequence[Accepted]:
        """List the mails that show their reader the other recipients."""
        return [mail for mail in self.accepted if mail.is_leak]

    def handle(self, request: Received) -> Response:
        response = self._handle(request)
        self._told(
            f"{request.method} {urlsplit(request.path).path} -> {response.status} {_summary(response)}"
        )
        return response

    def failed(self, fault: Fault) -> Response:
        if fault is Fault.BAD_GATEWAY:
            return BAD_GATEWAY
        if fault is Fault.RATE_LIMITED:
            return error(429, "request limit exceeded, try again after 1 seconds", {"Retry-After": "1"})
        if fault is Fault.RATE_LIMITED_BARE:
            return error(429, "recipient limit exceeded, try again after 2 seconds")
        return error(500, "Internal Server Error")

    def _handle(self, request: Received) -> Response:
        if request.method == "GET" and self.reading and (scripted := self.reading.popleft()):
            return scripted
        match [request.method, *urlsplit(request.path).path.strip("/").split("/")]:
            case ["POST", "v3", domain, "messages"]:
                return self._at_the_door(request, domain) or self._send(request, domain)
            case ["GET", "v3", domain, "events"]:
                asked = dict(parse_qsl(urlsplit(request.path).query))
                return self._at_the_door(request, domain) or self._read(domain, asked)
            case ["GET", "v3", domain, "events", token]:
                return self._at_the_door(request, domain) or self._turn_page(domain, token)
            case ["GET", "v4", "domains", domain]:
                return self._at_the_door(request, domain) or self.pages.domain(domain)
            case ["GET", "v3", "domains", domain, "tracking"]:
                return self._at_the_door(request, domain) or self.pages.tracking()
            case ["GET", "v5", "accounts", "limit", "custom", "monthly"]:
                return self._at_the_door(request, None) or self.pages.monthly()
            case _:
                return _MAGNIFICENT

    def _at_the_door(self, request: Received, domain: str | None) -> Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, key = b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return _FORBIDDEN
        if scheme.lower() != "basic" or user != "api" or not key or self._api_key not in (None, key):
            return _FORBIDDEN
        if domain is not None and self._domains is not None and domain not in self._domains:
            return error(404, f"Domain not found: {domain}")
        return None

    def _send(self, request: Received, domain: str) -> Response:
        if self.latency:
            self.stopping.wait(self.latency)
        fields = read_form(request.headers.get("content-type", ""), request.body)
        if fields is None:
            return error(400, "the form is not valid")
        if refused := refusal(fields):
            return error(400, refused)
        with self._lock:
            mail_id = f"<{self.now():%Y%m%d%H%M%S}.{uuid.uuid4().hex[:16]}@{domain}>"
            self._log.add(self._mails(fields, domain, mail_id))
        return Response.of(200, {"id": mail_id, "message": "Queued. Thank you."})

    def _mails(self, fields: Fields, domain: str, mail_id: str) -> list[Accepted]:
        addresses, variables = recipients_of(fields), variables_of(fields) or {}
        # Without a complete set of variables it is one mail, with everybody in its To.
        is_batch = all(address in variables for address in addresses)
        return [
            self._mail(
                fields,
                domain,
                mail_id,
                address,
                (address,) if is_batch else tuple(addresses),
                variables[address] if is_batch else {},
            )
            for address in addresses
        ]

    def _mail(
        self,
        fields: Fields,
        domain: str,
        mail_id: str,
        address: str,
        to: tuple[str, ...],
        values: Mapping[str, object],
    ) -> Accepted:
        fill = filler(address, values, self._passes)
        variables = {name: fill(value) for name, value in group_of(fields, "v:").items()}
        headers = {name: fill(value) for name, value in group_of(fields, "h:").items()}
        if variables and "X-Mailgun-Variables" not in one_of(fields, "o:suppress-headers"):
            headers["X-Mailgun-Variables"] = json.dumps(variables)
        return Accepted(
            id=mail_id,
            domain=domain,
            at=self.now(),
            address=address,
            to=to,
            sender=one_of(fields, "from"),
            subject=fill(one_of(fields, "subject")),
            html=fill(one_of(fields, "html")),
            text=fill(one_of(fields, "text")),
            headers=headers,
            tags=tuple(all_of(fields, "o:tag")),
            variables=variables,
        )

    def _turn_page(self, domain: str, token: str) -> Response:
        try:
            return self._read(domain, json.loads(urlsafe_b64decode(token)))
        except ValueError:
            return error(400, "Invalid page token")

    def _read(self, domain: str, asked: Mapping[str, str]) -> Response:
        limit, start = asked.get("limit", "100"), int(asked.get("start", "0"))
        if not limit.isdigit() or not 1 <= int(limit) <= _LARGEST_PAGE:
            return error(400, "Invalid limit, it must be between 1 and 300")
        mails = [mail for mail in list(self.accepted) if self._is_asked_for(mail, domain, asked)]
        if asked.get("ascending") != "yes":
            mails.reverse()
        page = mails[start : start + int(limit)]
        previous = max(0, start - int(limit))
        paging = {
            "next": self._page_url(domain, asked, start + len(page)),
            "previous": self._page_url(domain, asked, previous),
        }
        return Response.of(200, {"items": [_event(mail) for mail in page], "paging": paging})

    def _is_asked_for(self, mail: Accepted, domain: str, asked: Mapping[str, str]) -> bool:
        age, tag = self.now() - mail.at, asked.get("tags", "").casefold()
        return (
            mail.domain == domain
            and self._index_lag <= age < RETENTION
            and asked.get("event", "accepted") == "accepted"
            and mail.at.timestamp() >= float(asked.get("begin", "0"))
            and (not tag or tag in (one.casefold() for one in mail.tags))
            and asked.get("recipient", mail.address).casefold() == mail.address.casefold()
        )

    def _page_url(self, domain: str, asked: Mapping[str, str], start: int) -> str:
        token = urlsafe_b64encode(json.dumps({**asked, "start": str(start)}).encode()).decode()
        return f"{self.url}/v3/{domain}/events/{token}"


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Word an error as Mailgun does."""
    return Response.of(status, {"message": message}, headers)


#: Run one for a person.
serve = partial(fake_http.serve, FakeMailgun)


def _event(mail: Accepted) -> dict[str, Any]:
    return {
        "event": "accepted",
        "id": uuid.uuid5(uuid.NAMESPACE_URL, mail.id + mail.address).hex,
        "timestamp": mail.at.timestamp(),
        "recipient": mail.address,
        "tags": list(mail.tags),
        "user-variables": dict(mail.variables),
        "message": {
            "headers": {
                "message-id": mail.id.strip("<>"),
                "to": ", ".join(mail.to),
                "from": mail.sender,
                "subject": mail.subject,
            }
        },
        "flags": {"is-test-mode": False, "is-authenticated": True},
    }


def _summary(response: Response) -> str:
    try:
        said = json.loads(response.body)
    except ValueError:
        return response.body.decode("utf-8", "replace")[:80]
    return f"{len(said['items'])} events" if "items" in said else str(said.get("message", ""))
