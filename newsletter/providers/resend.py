"""Resend: a batch is a JSON array of complete messages under one idempotency key.

Facts by resend.com/docs and its OpenAPI description as of 2026-08.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import chain
from typing import Any

import orjson

from newsletter import __version__
from newsletter.domain.diagnosis import Examination
from newsletter.domain.message import Message
from newsletter.domain.pieces import Field
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Mailing,
    Outcome,
    Provider,
    Recovery,
    Request,
    always,
)
from newsletter.providers.account import Account
from newsletter.providers.answers import (
    LONGEST_WAIT,
    Reply,
    answer,
    by_status,
    message_id,
    outcome_of,
    reason,
    sent_at,
)
from newsletter.providers.encoding import json_html, json_line, json_text
from newsletter.providers.headers import check_header, phrase_of, split_mailbox
from newsletter.providers.resend_account import ResendAccount
from newsletter.providers.settings import ProviderSettings, Secret, read_secret
from newsletter.providers.stencil import Part, Slot, Stencil, pour, whole
from newsletter.providers.wire import Patience, Wire

BASE_URL = "https://api.resend.com"
_STILL_RUNNING = timedelta(seconds=30)
#: resend.com/docs/api-reference/rate-limit as of 2026: per team, in requests.
_CALLS_PER_SECOND = 5.0
#: What an error's name proves, where it proves more than the status does.
_OUTCOMES: Mapping[str, Outcome] = {
    "missing_required_field": Outcome.REFUSED,
    "missing_required_parameter": Outcome.REFUSED,
    "invalid_attachment": Outcome.REFUSED,
    "invalid_parameter": Outcome.REFUSED,
    "invalid_idempotency_key": Outcome.REFUSED,
    "missing_api_key": Outcome.MISCONFIGURED,
    "restricted_api_key": Outcome.MISCONFIGURED,
    "invalid_api_key": Outcome.MISCONFIGURED,
    "suspended_api_key": Outcome.MISCONFIGURED,
    "invalid_permission": Outcome.MISCONFIGURED,
    "not_found": Outcome.MISCONFIGURED,
    "method_not_allowed": Outcome.MISCONFIGURED,
    "monthly_quota_exceeded": Outcome.MISCONFIGURED,
    "rate_limit_exceeded": Outcome.DEFERRED,
    "daily_quota_exceeded": Outcome.DEFERRED,
    "concurrent_idempotent_requests": Outcome.UNKNOWN,
    "resource_locked": Outcome.UNKNOWN,
    "application_error": Outcome.UNKNOWN,
    "service_unavailable": Outcome.UNKNOWN,
    # The key was used before, and some recipients have left the batch since. Whether the first call was
    # taken for good is not documented: an event has to confirm it.
    "invalid_idempotent_request": Outcome.MISMATCHED,
}


class Resend(Account):
    """The account behind one API key."""

    can = Capabilities(
        name="resend",
        batch_size=100,
        call_timeout=Patience.call,
        recovery=Recovery.KEY,
        key_ttl=timedelta(hours=24),
        key_binds_payload=True,
        # Permissive validation rejects single messages of a call and takes the others.
        is_atomic=False,
        calls_per_second=_CALLS_PER_SECOND,
    )

    def compile(self, message: Message) -> Callable[[Mailing], "ResendCall"]:
        """Encode a message once as one element of the JSON array."""
        url, stencil = f"{self._base_url}/emails/batch", compile_json(message)
        return lambda mailing: ResendCall(url, self._secret, self._wire, mailing, _body(stencil, mailing))

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the account's domains; a key that may only send is told none."""
        key = self._secret.reveal()
        return ResendAccount(self._wire, self._base_url, _headers(key), key).examine(domains)


def compile_json(message: Message) -> Stencil:
    """Encode a message once as an element of the JSON array, its comma included.

    Raises ProviderError for a header that has no legal form, or for an unknown field.
    """
    return Stencil(_parts(message))


def _body(stencil: Stencil, mailing: Mailing) -> list[bytes]:
    parts = list(chain.from_iterable(stencil.fill(mailing.recipients)))
    # Every element ends in a comma; the last one's is not wanted.
    return [b"[", *parts[:-1], parts[-1][:-1], b"]"] if parts else [b"[]"]


def open_resend(settings: ProviderSettings) -> Provider:
    """Open the account of RESEND_API_KEY.

    Raises ProviderError where the key is missing or the address cannot be used.
    """
    key = read_secret(settings.environment, "RESEND_API_KEY")
    return Resend(settings.base_url or BASE_URL, key)


@dataclass(frozen=True)
class ResendCall:
    """One batch, composed."""

    url: str
    key: Secret
    wire: Wire
    mailing: Mailing
    body: Sequence[bytes]

    def request(self) -> Request:
        """Show the call with its key hidden."""
        return Request("POST", self.url, self._headers("re_***"), b"".join(self.body))

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Make the call once."""
        reply = self.wire.post(self.url, self._headers(self.key.reveal()), self.body, may_start)
        if isinstance(reply, Answer):
            return reply
        return read_answer(reply, [recipient.pos for recipient in self.mailing.recipients])

    def _headers(self, key: str) -> dict[str, str]:
        return {
            **_headers(key),
            "Content-Type": "application/json",
            "Idempotency-Key": self.mailing.key,
            "x-batch-validation": "permissive",
        }


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "User-Agent": f"newsletter/{__version__}"}


def read_answer(reply: Reply, positions: Sequence[int]) -> Answer:
    """Tell what a reply proves about the recipients at `positions`, in the order they were sent."""
    said = _json(reply.body)
    if reply.is_success:
        return _read_success(reply, said, positions)
    if not isinstance(said, dict) or not isinstance(name := said.get("name"), str):
        return by_status(reply)
    words = f"{name}, {said.get('message') or 'without a message'}"
    outcome = _OUTCOMES.get(name, outcome_of(reply.status))
    return replace(answer(outcome, reply, words), **_waits(name, reply))


def _read_success(reply: Reply, said: Any, positions: Sequence[int]) -> Answer:
    data = said.get("data") if isinstance(said, dict) else None
    errors = said.get("errors") or [] if isinstance(said, dict) else []
    if not isinstance(data, list) or not isinstance(errors, list) or not (data or errors):
        return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
    rejected = _rejected(errors, len(positions))
    if rejected is None:
        return answer(Outcome.UNKNOWN, reply, "the answer rejects somebody who is not in the batch")
    taken = [position for index, position in enumerate(positions) if index not in rejected]
    ids = [id_ for row in data if isinstance(row, dict) and (id_ := message_id(row.get("id")))]
    is_whole = len(data) == len(ids) == len(taken)
    return Answer(
        Outcome.ACCEPTED,
        reason="" if is_whole else f"accepted, but the answer has {len(ids)} ids for {len(taken)} mails",
        ids=dict(zip(taken, ids, strict=True)) if is_whole else {},
        rejected={positions[index]: words for index, words in rejected.items()},
        status=reply.status,
    )


def _rejected(errors: Sequence[Any], count: int) -> dict[int, str] | None:
    # Permissive validation: {"index", "message"}, and `data` holds only those that were taken.
    rejected = {}
    for error in errors:
        index = error.get("index") if isinstance(error, dict) else None
        if type(index) is not int or not 0 <= index < count:
            return None
        rejected[index] = reason(str(error.get("message") or "rejected without a reason"))
    return rejected


def _waits(name: str, reply: Reply) -> dict[str, Any]:
    if name in ("concurrent_idempotent_requests", "resource_locked"):
        return {"retry_after": _STILL_RUNNING}
    if name == "daily_quota_exceeded":
        return {"retry_after": _until_tomorrow(sent_at(reply))}
    return {}


def _until_tomorrow(now: datetime | None) -> timedelta:
    if now is None:
        return LONGEST_WAIT
    passed = now.astimezone(UTC) - datetime.combine(now.astimezone(UTC).date(), time.min, UTC)
    return timedelta(days=1) - passed


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _parts(message: Message) -> list[Part]:
    # An address alone: a name that the service cannot parse would refuse the call. No Message-ID: the
    # service is not known to keep it.
    sender = {"from": _mailbox(message.sender)}
    if message.reply_to:
        sender["reply_to"] = _mailbox(message.reply_to)
    parts: list[Part] = [orjson.dumps(sender)[:-1], b',"to":["', Slot(Field("address"), json_line)]
    parts += [b'"],"subject":"', whole(message.subject, json_line)]
    parts += [b'","html":"', *pour(message.html, json_text, json_html)]
    parts += [b'","text":"', *pour(message.text, json_text, json_text), b'"']
    for index, (name, pieces) in enumerate(message.headers):
        check_header(name, pieces)
        parts += [b"," if index else b',"headers":{', orjson.dumps(name), b':"']
        parts += [*pour(pieces, json_text, json_line), b'"']
    tags = [{"name": name, "value": value} for name, value in message.tags]
    parts += [b"}" if message.headers else b"", b',"tags":', orjson.dumps(tags)[:-1]]
    # Events tell it again: so they find their delivery although the answer with its ids was lost.
    reference = Slot(Field("reference"), json_line)
    return [*parts, b"," if tags else b"", b'{"name":"reference","value":"', reference, b'"}]},']


def _mailbox(written: str) -> str:
    name, address = split_mailbox(written)
    return f"{phrase_of(name)} <{address}>" if name else address
