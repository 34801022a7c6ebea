"""What Mailjet's replies prove: each row of a batch for itself; one that fails makes the status an error.

Facts by dev.mailjet.com and django-anymail as of 2026; not all codes are documented.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import Reply, answer, by_status, outcome_of
from newsletter.providers.reports import table, text, why
from newsletter.providers.rows import Row, sum_up

_SERVER_ERROR = 500
#: Whoever is at fault where an error is about one of these.
_THEIRS, _SENDERS = ("to",), ("from", "sender", "replyto")
_INVALID_ADDRESS = "mj-0013"


def read_answer(reply: Reply, positions: Sequence[int]) -> Answer:
    """Tell what a reply proves about the recipients at `positions`, in the order they were sent."""
    said = _json(reply.body)
    listed = said.get("Messages")
    if isinstance(listed, list) and reply.status < _SERVER_ERROR:
        rows = [_read_row(table(row)) for row in listed]
        if not rows or len(rows) != len(positions):
            return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
        return sum_up(reply, rows, positions)
    if reply.is_success:
        return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
    # Nothing was sent.
    return by_status(reply, why(text(said.get("ErrorCode")), said.get("ErrorMessage")))


def _read_row(row: Mapping[str, Any]) -> Row:
    status = text(row.get("Status"))
    if status == "success":
        return Row(Outcome.ACCEPTED, _id(row))
    errors = row.get("Errors")
    if status != "error" or not isinstance(errors, list) or not errors:
        return Row(Outcome.UNKNOWN, words="the answer cannot be read")
    return max(map(_read_error, map(table, errors)), key=lambda one: one.outcome is not Outcome.REFUSED)


def _read_error(error: Mapping[str, Any]) -> Row:
    code, status = text(error.get("ErrorCode")), error.get("StatusCode")
    words = why(code, error.get("ErrorMessage"))
    fields = _fields(error.get("ErrorRelatedTo"))
    outcome = outcome_of(status) if type(status) is int and status >= 400 else Outcome.REFUSED
    if outcome is Outcome.REFUSED and any(one in _SENDERS for one in fields):
        outcome = Outcome.MISCONFIGURED
    is_theirs = code == _INVALID_ADDRESS or (bool(fields) and all(one in _THEIRS for one in fields))
    return Row(outcome, words=words, is_theirs=outcome is Outcome.REFUSED and is_theirs)


def _fields(about: object) -> list[str]:
    """Read which parts of a message an error is about, such as `To[0].Email`."""
    written = about if isinstance(about, list) else []
    return [text(one).lower().partition(".")[0].partition("[")[0] for one in written]


def _id(row: Mapping[str, Any]) -> str:
    to = row.get("To")
    # A number of 64 bits, which only an integer holds; a test has 0.
    number = table(to[0]).get("MessageID") if isinstance(to, list) and to else None
    return str(number) if type(number) is int and number > 0 else ""


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        return table(orjson.loads(body))
    except orjson.JSONDecodeError:
        return {}
