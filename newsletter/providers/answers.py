"""What a reply proves by its status alone, for every provider that says no more."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.encoding import one_line

#: No provider makes a batch wait longer than this; a person is told instead.
LONGEST_WAIT = timedelta(hours=24)
_SECRET = re.compile(r"(?i)\b(re_|sk_|key-|bearer\s+)[A-Za-z0-9_\-.]{4,}")
_MAX_REASON = 300
_MAX_ID = 200

_OUTCOMES: dict[int, Outcome] = {
    400: Outcome.REFUSED,
    401: Outcome.MISCONFIGURED,
    403: Outcome.MISCONFIGURED,
    404: Outcome.MISCONFIGURED,
    405: Outcome.MISCONFIGURED,
    407: Outcome.MISCONFIGURED,
    408: Outcome.UNKNOWN,
    409: Outcome.UNKNOWN,
    425: Outcome.DEFERRED,
    429: Outcome.DEFERRED,
}


@dataclass(frozen=True)
class Reply:
    """What came back; header names are lower case, the body is cut at a cap."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def by_status(reply: Reply, said: str = "", *, request_id: str | None = None) -> Answer:
    """Classify a reply by its status; a success that cannot be read proves nothing."""
    return answer(outcome_of(reply.status), reply, said, request_id=request_id)


def answer(outcome: Outcome, reply: Reply, said: str, *, request_id: str | None = None) -> Answer:
    """Make an answer that repeats what the provider said, on one line and without secrets."""
    waits = outcome in (Outcome.DEFERRED, Outcome.UNKNOWN)
    return Answer(
        outcome,
        reason=reason(f"HTTP {reply.status}: {said}" if said else f"HTTP {reply.status}"),
        retry_after=retry_after(reply) if waits else None,
        status=reply.status,
        request_id=request_id,
    )


def outcome_of(status: int) -> Outcome:
    """Tell what a status proves when nothing else can be read."""
    if status in _OUTCOMES:
        return _OUTCOMES[status]
    if 300 <= status < 400:
        return Outcome.MISCONFIGURED
    return Outcome.REFUSED if 400 <= status < 500 else Outcome.UNKNOWN


def retry_after(reply: Reply) -> timedelta | None:
    """Read Retry-After, in seconds or as a date (RFC 9110 §10.2.3), at most `LONGEST_WAIT`."""
    written = reply.headers.get("retry-after", "").strip()
    if written.isascii() and written.isdigit():
        return min(timedelta(seconds=int(written[:9])), LONGEST_WAIT)
    until, now = _date(written), sent_at(reply)
    if until is None or now is None:
        return None
    return min(max(until - now, timedelta(0)), LONGEST_WAIT)


def sent_at(reply: Reply) -> datetime | None:
    """Read the provider's own clock from its Date header."""
    return _date(reply.headers.get("date", ""))


def message_id(said: object) -> str:
    """Read a message's id without angle brackets, as any database can keep it; empty where there is none."""
    if not isinstance(said, str):
        return ""
    return one_line(said).strip("<> ")[:_MAX_ID]


def reason(text: str) -> str:
    """Put what somebody else wrote on one line, cut, with anything like a key hidden."""
    return _SECRET.sub(r"\1***", one_line(text))[:_MAX_REASON].rstrip()


def _date(written: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else None
