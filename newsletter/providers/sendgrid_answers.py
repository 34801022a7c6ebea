"""What SendGrid's replies prove: a call is taken for everybody or for nobody.

The same status means several things; the words and the fields beside it tell which. Facts by SendGrid's
OpenAPI description as of 2026-01.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import LONGEST_WAIT, Reply, answer, message_id, outcome_of, sent_at
from newsletter.providers.reports import table, text, why

_TAKEN, _BAD_REQUEST, _UNAUTHORIZED, _TOO_MANY = 202, 400, 401, 429
#: Nothing that differs between two recipients can be the cause of these: splitting would find nobody.
_OURS = frozenset({406, 415})
#: What a 401 says where the key is good and the account has sent all that it may.
_USED_UP = re.compile(r"credits? exceeded", re.IGNORECASE)
#: The end of the period is not told.
_ASK_AGAIN = timedelta(hours=1)
_RECIPIENT = re.compile(r"personalizations[.\[](\d{1,4})\b")
#: Fields that all recipients share.
_SHARED = re.compile(
    r"(?:from|reply_to|reply_to_list|subject|content|categories|custom_args|headers|tracking_settings)\b"
)


def read_answer(reply: Reply, positions: Sequence[int]) -> Answer:
    """Tell what a reply proves about the recipients at `positions`, in the order they were sent."""
    if reply.status == _TAKEN:
        shared = message_id(reply.headers.get("x-message-id"))
        if shared:
            return Answer(Outcome.ACCEPTED, ids=dict.fromkeys(positions, shared), status=reply.status)
    if reply.is_success:
        return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
    errors = _errors(reply.body)
    first = next(iter(errors), {})
    found = answer(
        _outcome(reply.status, errors, len(positions)),
        reply,
        why(first.get("field"), first.get("message")),
    )
    if _is_used_up(reply.status, errors):
        return replace(found, retry_after=_ASK_AGAIN)
    if reply.status == _TOO_MANY:
        return replace(found, retry_after=found.retry_after or _until_reset(reply))
    return found


def _outcome(status: int, errors: Sequence[Mapping[str, Any]], count: int) -> Outcome:
    if _is_used_up(status, errors):
        return Outcome.DEFERRED
    if status in _OURS:
        return Outcome.MISCONFIGURED
    if status != _BAD_REQUEST:
        return outcome_of(status)
    fields = [text(one.get("field")) for one in errors]
    named = {match[1] for one in fields if (match := _RECIPIENT.match(one))}
    if count > 1 and len(named) == count:
        # Everybody at once is no fault of theirs: rather than losing the issue, a person looks at it.
        return Outcome.MISCONFIGURED
    is_ours = any(map(_SHARED.match, fields)) and not named
    return Outcome.MISCONFIGURED if is_ours else Outcome.REFUSED


def _is_used_up(status: int, errors: Sequence[Mapping[str, Any]]) -> bool:
    return status == _UNAUTHORIZED and any(_USED_UP.search(text(one.get("message"))) for one in errors)


def _until_reset(reply: Reply) -> timedelta | None:
    """Read when the limit is renewed; that it is an instant in seconds is not documented."""
    written, now = reply.headers.get("x-ratelimit-reset", "").strip(), sent_at(reply)
    if now is None or not (written.isascii() and written.isdigit() and len(written) <= 12):
        return None
    seconds = int(written) - now.timestamp()
    return timedelta(seconds=seconds) if 0 < seconds <= LONGEST_WAIT.total_seconds() else None


def _errors(body: bytes) -> list[Mapping[str, Any]]:
    try:
        said = table(orjson.loads(body)).get("errors")
    except orjson.JSONDecodeError:
        return []
    return [table(one) for one in said] if isinstance(said, list) else []
