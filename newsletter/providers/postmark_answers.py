"""What Postmark's replies prove: a batch is answered row by row, and only the code of a row counts.

Those codes and the statuses of HTTP are different numbers, although some look the same. Facts by
postmarkapp.com/developer/api/overview as of 2026-02.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import Reply, answer, by_status, message_id, outcome_of
from newsletter.providers.reports import text, why
from newsletter.providers.rows import Row, sum_up

_MAINTENANCE, _INVALID, _INACTIVE = 100, 300, 406
#: What an ErrorCode proves, of a row or of a whole call.
_OUTCOMES: Mapping[int, Outcome] = {
    10: Outcome.MISCONFIGURED,  # bad or missing token
    _MAINTENANCE: Outcome.DEFERRED,
    _INVALID: Outcome.REFUSED,
    400: Outcome.MISCONFIGURED,  # no such sender signature
    401: Outcome.MISCONFIGURED,  # sender signature not confirmed
    402: Outcome.REFUSED,  # invalid JSON
    403: Outcome.REFUSED,  # fields that do not fit
    405: Outcome.MISCONFIGURED,  # not allowed to send, out of credits
    _INACTIVE: Outcome.REFUSED,
    # Nothing that differs between two recipients can be the cause of these two: splitting would find nobody.
    409: Outcome.MISCONFIGURED,  # JSON required
    411: Outcome.MISCONFIGURED,  # forbidden attachment
    410: Outcome.REFUSED,  # too many messages
    412: Outcome.MISCONFIGURED,  # account is pending
    413: Outcome.MISCONFIGURED,  # account may not send
}
_STREAM_ERRORS = range(1200, 1300)
#: What a 300 says where the recipient, or the sender of all, is at fault.
_THEIRS = re.compile(r"(?:invalid|parsing) '?to'?\b", re.IGNORECASE)
_SENDERS = re.compile(r"(?:invalid|parsing) '?(?:from|replyto)'?\b", re.IGNORECASE)
#: Accepted, and never delivered: of one recipient it can only be them.
_NOT_DELIVERED = re.compile(r"will not deliver to", re.IGNORECASE)
#: The token POSTMARK_API_TEST accepts everything and sends nothing.
_TEST = re.compile(r"^test job accepted", re.IGNORECASE)
#: Statuses whose meaning is in the code.
_BY_CODE = frozenset({400, 406, 415, 422})
_UNAVAILABLE = 503


def read_answer(reply: Reply, positions: Sequence[int]) -> Answer:
    """Tell what a reply proves about the recipients at `positions`, in the order they were sent."""
    said = _json(reply.body)
    if reply.is_success:
        rows = list(map(_read_row, said)) if isinstance(said, list) else []
        if not rows or len(rows) != len(positions):
            return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
        return sum_up(reply, rows, positions)
    code = said.get("ErrorCode") if isinstance(said, Mapping) else None
    if type(code) is not int:
        return by_status(reply)
    words = text(said.get("Message"))
    return answer(_outcome_of_call(reply.status, code, words), reply, why(f"ErrorCode {code}", words))


def _outcome_of_call(status: int, code: int, words: str) -> Outcome:
    if code == _MAINTENANCE or status == _UNAVAILABLE:
        return Outcome.DEFERRED
    found = _outcome(code, words) if status in _BY_CODE else None
    return found or outcome_of(status)


def _outcome(code: int, words: str) -> Outcome | None:
    if code in _STREAM_ERRORS or (code == _INVALID and _SENDERS.search(words)):
        return Outcome.MISCONFIGURED
    return _OUTCOMES.get(code)


def _read_row(row: Any) -> Row:
    unreadable = Row(Outcome.UNKNOWN, words="the answer cannot be read")
    # Accepted with a delay, a row has no code (django-anymail, 2026).
    code = row.get("ErrorCode", 0) if isinstance(row, Mapping) else None
    if type(code) is not int:
        return unreadable
    id_, words = _id(row), text(row.get("Message"))
    if code:
        is_theirs = code == _INACTIVE or (code == _INVALID and bool(_THEIRS.search(words)))
        found = Row(_outcome(code, words) or Outcome.REFUSED, "", why(f"ErrorCode {code}", words), is_theirs)
        return unreadable if id_ else found
    if not id_:
        return unreadable
    if _TEST.search(words):
        return Row(Outcome.MISCONFIGURED, words=f"{words}: the token is for tests, nothing is sent")
    if _NOT_DELIVERED.search(words):
        return Row(Outcome.REFUSED, words=why(words), is_theirs=True)
    return Row(Outcome.ACCEPTED, id_)


def _id(row: Mapping[str, Any]) -> str:
    id_ = message_id(row.get("MessageID"))
    return id_ if id_.strip("0-") else ""


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
