"""What Brevo's replies prove: a call is taken for everybody or for nobody.

Facts by developers.brevo.com and its SDK 5.1 as of 2026; not all codes are documented.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import LONGEST_WAIT, Reply, answer, message_id, outcome_of
from newsletter.providers.reports import text, why

#: What a code proves, where the status is of the kind 4xx.
_OUTCOMES: Mapping[str, Outcome] = {
    "invalid_parameter": Outcome.REFUSED,
    "out_of_range": Outcome.REFUSED,
    # Nothing that differs between two recipients can be the cause: splitting would find nobody.
    "missing_parameter": Outcome.MISCONFIGURED,
    "unauthorized": Outcome.MISCONFIGURED,
    "not_enough_credits": Outcome.MISCONFIGURED,
    "permission_denied": Outcome.MISCONFIGURED,
    "account_under_validation": Outcome.MISCONFIGURED,
    "document_not_found": Outcome.MISCONFIGURED,
    "method_not_allowed": Outcome.MISCONFIGURED,
    # The key was used before.
    "duplicate_parameter": Outcome.REPEATED,
    # Most likely the first call is still running.
    "duplicate_request": Outcome.UNKNOWN,
}
#: What an `invalid_parameter` says where the sender of all is at fault.
_SENDERS = re.compile(r"\bsend(?:er|ing)\b|\breply-?to\b|\bidempotency", re.IGNORECASE)
#: Statuses whose meaning is in the code.
_BY_CODE = frozenset({400, 401, 402, 403, 404, 405, 406, 409, 422})
_PAYMENT_REQUIRED = 402


def read_answer(reply: Reply, positions: Sequence[int]) -> Answer:
    """Tell what a reply proves about the recipients at `positions`, in the order they were sent."""
    said = _json(reply.body)
    if reply.is_success:
        return _read_success(reply, said, positions)
    code = text(said.get("code")) if isinstance(said, Mapping) else ""
    words = text(said.get("message")) if code else ""
    found = answer(_outcome(reply.status, code, words), reply, why(code, words))
    if found.outcome is not Outcome.DEFERRED:
        return found
    return replace(found, retry_after=found.retry_after or _reset(reply))


def _read_success(reply: Reply, said: Any, positions: Sequence[int]) -> Answer:
    if not isinstance(said, Mapping):
        return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
    listed = said.get("messageIds")
    rows = listed if isinstance(listed, list) else [said.get("messageId")]
    ids = [id_ for row in rows if (id_ := message_id(row))]
    if not ids:
        return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
    if len(ids) == len(positions):
        return Answer(Outcome.ACCEPTED, ids=dict(zip(positions, ids, strict=True)), status=reply.status)
    # It is taken for everybody or for nobody.
    words = f"accepted, but the answer has {len(ids)} ids for {len(positions)} mails"
    return Answer(Outcome.ACCEPTED, words, status=reply.status)


def _outcome(status: int, code: str, words: str) -> Outcome:
    if status not in _BY_CODE:
        return outcome_of(status)
    found = _OUTCOMES.get(code) or _by_status(status)
    return Outcome.MISCONFIGURED if found is Outcome.REFUSED and _SENDERS.search(words) else found


def _by_status(status: int) -> Outcome:
    return Outcome.MISCONFIGURED if status == _PAYMENT_REQUIRED else outcome_of(status)


def _reset(reply: Reply) -> timedelta | None:
    """Read how long to wait; a Retry-After is not sent."""
    written = reply.headers.get("x-sib-ratelimit-reset", "").strip()
    if not (written.isascii() and written.isdigit()):
        return None
    return min(timedelta(seconds=int(written[:9])), LONGEST_WAIT)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
