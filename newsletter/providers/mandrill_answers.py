"""What Mandrill's replies prove: rows in any order, and errors that only their name tells apart.

An error of any kind had the status 500 once, and newer ones have others. Facts by
mailchimp.com/developer/transactional as of 2026-04.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from newsletter.domain.message import Recipient
from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import Reply, answer, by_status, message_id
from newsletter.providers.headers import ascii_address
from newsletter.providers.reports import table, text, why
from newsletter.providers.rows import Row, sum_up

_TAKEN = frozenset({"sent", "queued", "scheduled"})
#: By the name of an error, whatever its status.
_ERRORS: Mapping[str, Outcome] = {
    "Invalid_Key": Outcome.MISCONFIGURED,
    "PaymentRequired": Outcome.MISCONFIGURED,
    "Unknown_Subaccount": Outcome.MISCONFIGURED,
    "ValidationError": Outcome.REFUSED,
    "ServiceUnavailable": Outcome.UNKNOWN,
    "GeneralError": Outcome.UNKNOWN,
}
#: What is rejected for the person's sake.
_THEIRS = frozenset({"hard-bounce", "soft-bounce", "spam", "unsub", "custom", "invalid"})
#: What a validation says where everybody's call would be refused alike.
_OURS = re.compile(r"\b(?:key|from_email|from_name|subaccount)\b", re.IGNORECASE)
_TOO_MANY = 429


def read_answer(reply: Reply, recipients: Sequence[Recipient]) -> Answer:
    """Tell what a reply proves about the recipients of a call."""
    said = _json(reply.body)
    if isinstance(said, list) and reply.is_success:
        return sum_up(reply, _rows(said, recipients), [recipient.pos for recipient in recipients])
    error = table(said)
    name, words = text(error.get("name")), why(error.get("name"), error.get("message"))
    if reply.is_success and not name:
        return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
    if reply.status == _TOO_MANY:
        return answer(Outcome.DEFERRED, reply, words)
    outcome = _ERRORS.get(name)
    if outcome is None:
        # A name that we do not know proves no more than its status.
        return answer(Outcome.UNKNOWN, reply, words) if reply.is_success else by_status(reply, words)
    if outcome is Outcome.REFUSED and _OURS.search(words):
        outcome = Outcome.MISCONFIGURED
    return answer(outcome, reply, words)


def is_about_account(reply: Reply) -> bool:
    """Tell whether an error, of whatever status, says that the key or the account is at fault."""
    return _ERRORS.get(text(table(_json(reply.body)).get("name"))) is Outcome.MISCONFIGURED


def _rows(said: Sequence[Any], recipients: Sequence[Recipient]) -> list[Row]:
    by_address = {text(row.get("email")).casefold(): row for row in map(table, said)}
    return [_row(by_address.get(ascii_address(one.address).casefold(), {})) for one in recipients]


def _row(row: Mapping[str, Any]) -> Row:
    status, id_ = text(row.get("status")), message_id(row.get("_id"))
    if status in _TAKEN and id_:
        # Queued for a reason, such as a used-up hour, it is sent later and must not be sent again.
        return Row(Outcome.ACCEPTED, id_, why(row.get("queued_reason")))
    if status == "invalid":
        return Row(Outcome.REFUSED, "", "the address is invalid", is_theirs=True)
    if status == "rejected":
        cause = text(row.get("reject_reason"))
        is_theirs = cause in _THEIRS
        outcome = Outcome.REFUSED if is_theirs else Outcome.MISCONFIGURED
        return Row(outcome, "", why("rejected", cause), is_theirs=is_theirs)
    return Row(Outcome.UNKNOWN, "", "the answer cannot be read")


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
