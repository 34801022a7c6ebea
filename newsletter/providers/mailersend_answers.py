"""What MailerSend's replies prove: a batch is only taken in, and its status tells later who was refused.

Facts by developers.mailersend.com as of 2026; how the status names a message is not documented in full.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from newsletter.domain.message import Recipient
from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import LONGEST_WAIT, Reply, answer, by_status, message_id, sent_at
from newsletter.providers.headers import ascii_address
from newsletter.providers.reports import instant, table, text, why
from newsletter.providers.rows import Row, sum_up

_MAINTENANCE, _ACCEPTED, _TOO_MANY = 421, 202, 429
_CODE = re.compile(r"#?(MS\d{5})")
#: By the code in the words.
_OUTCOMES: Mapping[str, Outcome] = {
    "MS42201": Outcome.REFUSED,  # duplicate recipients
    "MS42205": Outcome.REFUSED,  # too many recipients
    "MS42208": Outcome.REFUSED,  # bad address
    "MS42229": Outcome.REFUSED,  # more than 500
    "MS42204": Outcome.MISCONFIGURED,  # quota
    "MS42207": Outcome.MISCONFIGURED,  # unverified domain
    "MS42222": Outcome.MISCONFIGURED,  # quota
}
_DAILY = "MS42901"
#: What is said where everybody's mail would be refused alike.
_OURS = re.compile(
    r"from\.email|\bverified\b|\bplan\b|upgrade|professional|enterprise|headers|list_unsubscribe|reply_to",
    re.IGNORECASE,
)
_INDEX = re.compile(r"(?:messages?\.)?(\d{1,4})(?=\.|\Z)")
_COMPLETED = "completed"


def read_answer(reply: Reply) -> Answer | str:
    """Tell what a reply to a batch proves; the id of the batch where it was taken in."""
    said = table(_json(reply.body))
    if reply.is_success:
        id_ = message_id(said.get("bulk_email_id"))
        if reply.status == _ACCEPTED and id_:
            return id_
        return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
    words = _words(said)
    code = _code(words)
    if reply.status == _TOO_MANY:
        found = answer(Outcome.DEFERRED, reply, words)
        return replace(found, retry_after=_until_reset(reply)) if code == _DAILY else found
    if reply.status == _MAINTENANCE:
        return answer(Outcome.DEFERRED, reply, words or "maintenance")
    outcome = _OUTCOMES.get(code)
    found = answer(outcome, reply, words) if outcome else by_status(reply, words)
    if found.outcome is Outcome.REFUSED and _OURS.search(words):
        return replace(found, outcome=Outcome.MISCONFIGURED)
    return found


def read_status(reply: Reply, id_: str, recipients: Sequence[Recipient]) -> Answer | None:
    """Tell what the status of a batch proves about its recipients; None while it is being worked on."""
    said = table(table(_json(reply.body)).get("data"))
    if not reply.is_success or text(said.get("state")) != _COMPLETED:
        return None
    suppressed = set(_addresses_in(said.get("suppressed_recipients")))
    faults = dict(_faults_in(said.get("validation_errors")))
    rows = []
    for index, one in enumerate(recipients):
        if index in faults:
            rows.append(_refused(faults[index]))
        elif ascii_address(one.address).casefold() in suppressed:
            rows.append(Row(Outcome.REFUSED, "", "suppressed at MailerSend", is_theirs=True))
        else:
            rows.append(Row(Outcome.ACCEPTED, id_))
    named = sum(row.outcome is not Outcome.ACCEPTED for row in rows)
    if _count(said, "validation_errors_count") + _count(said, "suppressed_recipients_count") > named:
        return answer(Outcome.UNKNOWN, reply, "some of the batch were refused, and it cannot be read who")
    return sum_up(reply, rows, [one.pos for one in recipients])


def _refused(words: str) -> Row:
    outcome = Outcome.MISCONFIGURED if _is_ours(words) else Outcome.REFUSED
    return Row(outcome, "", words, is_theirs=bool(re.search(r"\bto\.\d", words)))


def _is_ours(words: str) -> bool:
    return _OUTCOMES.get(_code(words)) is Outcome.MISCONFIGURED or bool(_OURS.search(words))


def _faults_in(errors: object) -> Iterator[tuple[int, str]]:
    """Yield the place in the batch of every message that was refused, and why."""
    named = list(enumerate(errors)) if isinstance(errors, list) else list(table(errors).items())
    for name, told in named:
        match = _INDEX.match(str(name))
        if match and told:
            yield int(match[1]), why("; ".join(_texts(told)))


def _addresses_in(told: object) -> Iterator[str]:
    return (one.casefold() for one in _texts(told) if "@" in one and " " not in one)


def _texts(told: object) -> Iterator[str]:
    """Yield every text in a value of any shape, names included."""
    if isinstance(told, str):
        yield text(told)
    elif isinstance(told, list):
        for one in told:
            yield from _texts(one)
    else:
        for name, one in table(told).items():
            yield text(name)
            yield from _texts(one)


def _words(said: Mapping[str, Any]) -> str:
    return why(said.get("message"), "; ".join(_texts(said.get("errors"))))


def _code(words: str) -> str:
    match = _CODE.search(words)
    return match[1] if match else ""


def _count(said: Mapping[str, Any], name: str) -> int:
    count = said.get(name)
    return count if type(count) is int and count > 0 else 0


def _until_reset(reply: Reply) -> timedelta:
    """Wait for the quota of the next day, which begins at midnight UTC."""
    now = sent_at(reply)
    if now is None:
        return LONGEST_WAIT
    now = now.astimezone(UTC)
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    until = instant(reply.headers.get("x-apiquota-reset")) or midnight
    return min(max(until - now, timedelta(0)), LONGEST_WAIT)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
