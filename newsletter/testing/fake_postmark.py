"""A local Postmark: the single and batch send, row by row, its limits, and the search of its log.

It follows postmarkapp.com/developer as of 2026-02. It sends nothing to anybody.
"""

import json
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from newsletter.testing import fake_http
from newsletter.testing.accepted import Ledger
from newsletter.testing.account_pages import postmark_page
from newsletter.testing.fake_http import (
    BAD_GATEWAY,
    FakeService,
    Fault,
    Received,
    Response,
    Script,
    machine_clock,
)
from newsletter.testing.postmark_log import Accepted, read_log
from newsletter.testing.postmark_rules import Server, metadata_of, recipients_of

__all__ = ["Accepted", "FakePostmark", "Fault", "Response", "Server", "error", "read_log", "serve"]

#: For so long messages are kept where nothing else is set.
RETENTION = timedelta(days=45)
#: The token that validates and sends nothing.
TEST_TOKEN = "POSTMARK_API_TEST"  # noqa: S105
_BATCH, _LARGEST_CALL = 500, 50_000_000
_LARGEST_PAGE, _FURTHEST = 500, 10_000


class FakePostmark(FakeService):
    """A Postmark server on 127.0.0.1.

    `accepted` lists every mail it took, in order. With `log` they are written to a file before the answer,
    and read back at the start. `token` None takes any. A mail can be found once it is `index_lag` old.
    `reading` holds answers that the next searches get instead.
    """

    title = "Postmark"

    def __init__(
        self,
        *,
        port: int = 0,
        now: Callable[[], datetime] = machine_clock,
        script: Script = (),
        reading: Iterable[Response | None] = (),
        latency: float = 0.0,
        token: str | None = None,
        server: Server | None = None,
        log: Path | None = None,
        index_lag: timedelta = timedelta(0),
        keeps_bodies: bool = True,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(port=port, now=now, script=script, latency=latency)
        self.server = server or Server()
        self.reading = deque(reading)
        self._token = token
        self._index_lag = index_lag
        self._told = told
        self._lock = threading.Lock()
        self._log = Ledger(Accepted, log, keeps_bodies=keeps_bodies)

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
            return error(429, 429, "Too many requests.", {"Retry-After": "1"})
        if fault is Fault.RATE_LIMITED_BARE:
            return error(429, 429, "Too many requests.")
        return error(500, 500, "Internal server error.")

    def _handle(self, request: Received) -> Response:
        if request.method == "GET" and self.reading and (scripted := self.reading.popleft()):
            return scripted
        if refused := self._at_the_door(request):
            return refused
        parts = urlsplit(request.path)
        match request.method, parts.path:
            case "POST", "/email/batch":
                return self._send(request, is_batch=True)
            case "POST", "/email":
                return self._send(request, is_batch=False)
            case "GET", "/messages/outbound":
                return self._search(dict(parse_qsl(parts.query)))
            case "GET", path if page := postmark_page(self.server, path):
                return page
        return Response(404, b"", {"Content-Type": "text/plain"})

    def _at_the_door(self, request: Received) -> Response | None:
        given = request.headers.get("x-postmark-server-token", "")
        if not given or (self._token is not None and given not in (self._token, TEST_TOKEN)):
            return error(401, 10, "No Account or Server API tokens were supplied in the HTTP headers.")
        wanted = ["accept"] if request.method == "GET" else ["accept", "content-type"]
        if not all("application/json" in request.headers.get(name, "") for name in wanted):
            return error(415, 409, "JSON required: your request did not have the right headers.")
        return None

    def _send(self, request: Received, *, is_batch: bool) -> Response:
        if self.latency:
            self.stopping.wait(self.latency)
        if len(request.body) > _LARGEST_CALL:
            return Response(413, b"Request Entity Too Large", {"Content-Type": "text/plain"})
        try:
            said = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return error(422, 402, "Invalid JSON.")
        messages = said if is_batch else [said]
        if not isinstance(messages, list):
            return error(422, 403, "Incompatible JSON: a batch must be an array.")
        if len(messages) > _BATCH:
            return error(422, 410, "Too many batch messages: 500 at most.")
        is_test = request.headers["x-postmark-server-token"] == TEST_TOKEN
        with self._lock:
            rows = self._take(messages, is_test=is_test)
        if is_batch:
            return Response.of(200, rows)
        return Response.of(422 if rows[0]["ErrorCode"] else 200, rows[0])

    def _take(self, messages: Sequence[Any], *, is_test: bool) -> list[dict[str, Any]]:
        rows, mails = [], []
        for message in messages:
            refused = self.server.refusal(message)
            if refused:
                rows.append({"ErrorCode": refused[0], "Message": refused[1]})
                continue
            mail = self._mail(message)
            if is_test:
                rows.append({**_row(mail), "Message": "Test job accepted"})
                continue
            rows.append(_row(mail))
            mails.append(mail)
            if self.server.credits is not None:
                self.server.credits -= 1
        self._log.add(mails)
        return rows

    def _mail(self, message: Mapping[str, Any]) -> Accepted:
        headers, html, text = self.server.leaving(message)
        return Accepted(
            id=str(uuid.uuid4()),
            at=self.now(),
            to=recipients_of(message),
            stream=message.get("MessageStream") or "outbound",
            sender=message["From"],
            subject=message.get("Subject") or "",
            html=html,
            text=text,
            headers=headers,
            tag=message.get("Tag") or "",
            metadata=metadata_of(message),
            message=message,
        )

    def _search(self, asked: Mapping[str, str]) -> Response:
        count, offset = asked.get("count", ""), asked.get("offset", "")
        if not count.isdigit() or not offset.isdigit() or not 1 <= int(count) <= _LARGEST_PAGE:
            return error(422, 600, "The 'count' and 'offset' are required; 'count' is 500 at most.")
        if int(count) + int(offset) > _FURTHEST:
            return error(422, 600, "The 'count' and 'offset' together are 10,000 at most.")
        if sum(name.startswith("metadata_") for name in asked) > 1:
            return error(422, 600, "Only one metadata field can be searched for.")
        found = [mail for mail in reversed(self.accepted) if self._is_asked_for(mail, asked)]
        page = found[int(offset) : int(offset) + int(count)]
        return Response.of(200, {"TotalCount": len(found), "Messages": list(map(_listed, page))})

    def _is_asked_for(self, mail: Accepted, asked: Mapping[str, str]) -> bool:
        age = self.now() - mail.at
        fields = {name.lower(): value for name, value in mail.metadata.items()}
        wanted = {
            name.removeprefix("metadata_").lower(): value
            for name, value in asked.items()
            if name.startswith("metadata_")
        }
        return (
            self._index_lag <= age < RETENTION
            # The documented default; the service has been seen to search all streams.
            and asked.get("messagestream", "outbound") == mail.stream
            and asked.get("tag", mail.tag) == mail.tag
            and asked.get("recipient", "").lower() in ("", *(one.lower() for one in mail.to))
            and wanted.items() <= fields.items()
        )


def error(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Word an error as Postmark does."""
    return Response.of(status, {"ErrorCode": code, "Message": message}, headers)


#: Run one for a person.
serve = partial(fake_http.serve, FakePostmark)


def _row(mail: Accepted) -> dict[str, Any]:
    to = ", ".join(mail.to)
    return {
        "To": to,
        "SubmittedAt": mail.at.isoformat(),
        "MessageID": mail.id,
        "ErrorCode": 0,
        "Message": "OK",
    }


def _listed(mail: Accepted) -> dict[str, Any]:
    return {
        "Tag": mail.tag,
        "MessageID": mail.id,
        "MessageStream": mail.stream,
        "To": [{"Email": address, "Name": None} for address in mail.to],
        "Cc": [],
        "Bcc": [],
        "Recipients": list(mail.to),
        "ReceivedAt": mail.at.isoformat(),
        "From": mail.sender,
        "Subject": mail.subject,
        "Attachments": [],
        "Status": "Sent",
        "Metadata": dict(mail.metadata),
        "Sandboxed": False,
    }


def _summary(response: Response) -> str:
    try:
        said = json.loads(response.body)
    except ValueError:
        return response.body.decode("utf-8", "replace")[:80]
    if isinstance(said, list):
        refused = sum(bool(row["ErrorCode"]) for row in said)
        return f"accepted {len(said) - refused}" + (f", rejected {refused}" if refused else "")
    return f"{said['TotalCount']} messages" if "TotalCount" in said else str(said.get("Message", ""))
