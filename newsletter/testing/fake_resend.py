"""A local Resend: the batch and single send, idempotency keys, limits, and reading back.

It follows resend.com/docs and Resend's OpenAPI description as of 2026-08. It sends nothing to anybody.
"""

import hashlib
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from newsletter.testing import fake_http
from newsletter.testing.account_pages import ResendPages
from newsletter.testing.fake_http import (
    BAD_GATEWAY,
    FakeService,
    Fault,
    Received,
    Response,
    Script,
    machine_clock,
)
from newsletter.testing.resend_log import Accepted, CallLog, Remembered, read_log
from newsletter.testing.resend_rules import Limits, refusal

__all__ = ["Accepted", "FakeResend", "Fault", "Limits", "Response", "error", "read_log", "serve"]

KEY_TTL = timedelta(hours=24)
_BATCH = 100
_LAST_EVENTS = {"bounced": "bounced", "complained": "complained", "suppressed": "suppressed"}


class FakeResend(FakeService):
    """A Resend account on 127.0.0.1.

    `accepted` lists every mail it took, in order. With `log` they are written to a file before the answer,
    and read back at the start. `api_key` None takes any key that starts with `re_`. Without `keeps_bodies`
    a great many mails fit into memory.
    """

    title = "Resend"

    def __init__(
        self,
        *,
        port: int = 0,
        now: Callable[[], datetime] = machine_clock,
        script: Script = (),
        latency: float = 0.0,
        api_key: str | None = None,
        log: Path | None = None,
        limits: Limits = Limits(),
        blocks_samples: bool = False,
        keeps_bodies: bool = True,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(port=port, now=now, script=script, latency=latency)
        self._api_key = api_key
        self._limits = limits
        self._blocks_samples = blocks_samples
        self._told = told
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._log = CallLog(log, keeps_bodies=keeps_bodies)
        self._window: tuple[int, int] = (0, 0)
        self.pages = ResendPages()

    @property
    def accepted(self) -> Sequence[Accepted]:
        return self._log.accepted

    def is_running(self, key: str) -> bool:
        """Tell whether a call under this key has come and is not answered yet."""
        return key in self._running

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
            return error(429, "rate_limit_exceeded", "Too many requests.", {"retry-after": "1"})
        if fault is Fault.RATE_LIMITED_BARE:
            return error(429, "rate_limit_exceeded", "Too many requests.")
        return error(500, "application_error", "An unexpected error occurred.")

    def _handle(self, request: Received) -> Response:
        with self._lock:
            refused = self._at_the_door(request) or self._over_rate()
        if refused:
            return refused
        path = urlsplit(request.path).path
        if request.method == "GET" and (page := self.pages.get(path)):
            return page
        if path == "/emails/batch" and request.method == "POST":
            return self._send(request, is_batch=True)
        if path == "/emails" and request.method == "POST":
            return self._send(request, is_batch=False)
        if path == "/emails":
            return self._list(parse_qs(urlsplit(request.path).query))
        if path.startswith("/emails/") and request.method == "GET":
            return self._read(path.removeprefix("/emails/"))
        return error(404, "not_found", "The requested endpoint does not exist.")

    def _at_the_door(self, request: Received) -> Response | None:
        if not request.headers.get("user-agent"):
            return Response(403, b"error code: 1010", {"Content-Type": "text/plain"})
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return error(401, "missing_api_key", "Missing API key in the authorization header.")
        if key != self._api_key if self._api_key else not key.startswith("re_"):
            return error(403, "invalid_api_key", "API key is invalid.")
        return None

    def _over_rate(self) -> Response | None:
        if self._limits.rate is None:
            return None
        second = int(self.now().timestamp())
        used = self._window[1] + 1 if self._window[0] == second else 1
        self._window = (second, used)
        if used <= self._limits.rate:
            return None
        told = {"ratelimit-limit": str(self._limits.rate), "ratelimit-remaining": "0", "ratelimit-reset": "1"}
        return error(429, "rate_limit_exceeded", "Too many requests.", {**told, "retry-after": "1"})

    def _send(self, request: Received, *, is_batch: bool) -> Response:
        key = request.headers.get("idempotency-key")
        if key is None:
            return self._take(request, is_batch=is_batch)
        if not 1 <= len(key) <= 256:
            return error(400, "invalid_idempotency_key", "The key must be between 1-256 chars.")
        with self._lock:
            remembered = self._log.remembered(key, self.now() - KEY_TTL)
            if remembered:
                return _replay(remembered, request.body)
            if key in self._running:
                return error(409, "concurrent_idempotent_requests", "The same key is still in progress.")
            self._running.add(key)
        try:
            return self._take(request, is_batch=is_batch, key=key)
        finally:
            self._running.discard(key)

    def _take(self, request: Received, *, is_batch: bool, key: str = "") -> Response:
        if self.latency:
            self.stopping.wait(self.latency)
        found = self._messages(request, is_batch=is_batch)
        if isinstance(found, Response):
            return found
        messages, errors = found
        with self._lock:
            over = self._limits.used_up(self.accepted, messages, self.now())
            if over:
                return error(429, *over)
            mails = [Accepted(str(uuid.uuid4()), key, self.now(), message) for message in messages]
            ids = [{"id": mail.id} for mail in mails]
            answer: dict[str, Any] = ids[0] if not is_batch else {"data": ids}
            if errors:
                answer["errors"] = errors
            self._log.add(Remembered(key, fingerprint(request.body), self.now(), answer), mails)
        return Response.of(200, answer)

    def _messages(
        self, request: Received, *, is_batch: bool
    ) -> Response | tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        try:
            said = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            return error(400, "validation_error", "The request body is not valid JSON.")
        messages = said if is_batch else [said]
        if not isinstance(messages, list) or not 1 <= len(messages) <= _BATCH:
            return error(422, "validation_error", "The batch must be an array of 1 to 100 emails.")
        refusals = {
            index: refused
            for index, message in enumerate(messages)
            if (refused := refusal(message, is_batch=is_batch, blocks_samples=self._blocks_samples))
        }
        is_permissive = is_batch and request.headers.get("x-batch-validation", "strict") == "permissive"
        if refusals and not is_permissive:
            return error(422, *next(iter(refusals.values())))
        good = [message for index, message in enumerate(messages) if index not in refusals]
        return good, [{"index": index, "message": words} for index, (_, words) in refusals.items()]

    def _read(self, mail_id: str) -> Response:
        for mail in self.accepted:
            if mail.id == mail_id:
                return Response.of(
                    200, {"object": "email", **_row(mail), "html": mail.html, "text": mail.text}
                )
        return error(404, "not_found", "Email not found.")

    def _list(self, query: Mapping[str, Sequence[str]]) -> Response:
        newest = [_row(mail) for mail in reversed(self.accepted)]
        places = {row["id"]: index for index, row in enumerate(newest)}
        limit = query.get("limit", ["20"])[0]
        after, before = query.get("after", [""])[0], query.get("before", [""])[0]
        if not limit.isdigit() or not 1 <= int(limit) <= 100 or {after, before} - {""} - places.keys():
            return error(422, "validation_error", "The pagination is not valid.")
        rows = newest[places[after] + 1 :] if after else newest
        rows = rows[max(0, places[before] - int(limit)) : places[before]] if before else rows
        page = rows[: int(limit)]
        return Response.of(200, {"object": "list", "has_more": len(rows) > len(page), "data": page})


def error(status: int, name: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Word an error as Resend does."""
    return Response.of(status, {"statusCode": status, "name": name, "message": message}, headers)


def fingerprint(body: bytes) -> str:
    """Name a request body, to tell a repeat from another."""
    return hashlib.sha256(body).hexdigest()


#: Run one for a person.
serve = partial(fake_http.serve, FakeResend)


def _replay(remembered: Remembered, body: bytes) -> Response:
    if remembered.fingerprint != fingerprint(body):
        return error(409, "invalid_idempotent_request", "The key was used with another payload.")
    return Response.of(200, remembered.answer)


def _row(mail: Accepted) -> dict[str, Any]:
    local = mail.to[0].partition("@")[0].partition("+")[0] if mail.to else ""
    is_test = bool(mail.to) and mail.to[0].endswith("@resend.dev")
    return {
        "id": mail.id,
        "from": mail.message.get("from"),
        "to": list(mail.to),
        "subject": mail.message.get("subject"),
        "created_at": mail.at.isoformat(),
        "last_event": _LAST_EVENTS.get(local, "delivered") if is_test else "delivered",
    }


def _summary(response: Response) -> str:
    try:
        said = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return ""
    if response.status != 200:
        return str(said.get("name", ""))
    rejected = len(said.get("errors", []))
    taken = len(said.get("data", [said]))
    return f"accepted {taken}" + (f", rejected {rejected}" if rejected else "")
