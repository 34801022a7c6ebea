"""What Amazon SES answers: by the type of an error, and within a success by the status of each recipient.

Facts by docs.aws.amazon.com/ses and the model of its API (sesv2) as of 2026.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import Reply, answer, message_id, outcome_of, reason

#: The service says of no limit how long it lasts; that of a second is over soon.
_THROTTLED_FOR = timedelta(seconds=2)
#: The quota is of any 24 hours, so that room comes back little by little.
_USED_UP_FOR = timedelta(hours=1)
#: What an error's type proves, without its "Exception"; HTTP 400 alone may mean anything.
_OUTCOMES: Mapping[str, Outcome] = {
    "TooManyRequests": Outcome.DEFERRED,
    "Throttling": Outcome.DEFERRED,
    "Throttled": Outcome.DEFERRED,
    "RequestLimitExceeded": Outcome.DEFERRED,
    "LimitExceeded": Outcome.DEFERRED,
    "MessageRejected": Outcome.REFUSED,
    "BadRequest": Outcome.REFUSED,
    "AccountSuspended": Outcome.MISCONFIGURED,
    "SendingPaused": Outcome.MISCONFIGURED,
    "MailFromDomainNotVerified": Outcome.MISCONFIGURED,
    "NotFound": Outcome.MISCONFIGURED,
    "AccessDenied": Outcome.MISCONFIGURED,
    "UnrecognizedClient": Outcome.MISCONFIGURED,
    "InvalidSignature": Outcome.MISCONFIGURED,
    "SignatureDoesNotMatch": Outcome.MISCONFIGURED,
    "IncompleteSignature": Outcome.MISCONFIGURED,
    "MissingAuthenticationToken": Outcome.MISCONFIGURED,
    "InvalidClientTokenId": Outcome.MISCONFIGURED,
    "ExpiredToken": Outcome.MISCONFIGURED,
    "RequestExpired": Outcome.MISCONFIGURED,
    "OptInRequired": Outcome.MISCONFIGURED,
    "NotAuthorized": Outcome.MISCONFIGURED,
    "InternalServiceError": Outcome.UNKNOWN,
    "InternalFailure": Outcome.UNKNOWN,
    "ServiceUnavailable": Outcome.UNKNOWN,
    "RequestTimeout": Outcome.UNKNOWN,
}
#: What a refusal says when the account or the sender is at fault, and splitting the batch would find nobody.
_ACCOUNT = re.compile(
    r"not verified|not authorized|\bfrom ?(?:email ?)?address|reply-?to ?address|configuration ?set"
    r"|template ?(?:content|data|name)|sending ?paused",
    re.IGNORECASE,
)
_DAILY = re.compile(r"daily|24.?hour", re.IGNORECASE)
#: What became of one entry of an accepted call. The model and its own text disagree on some names; whatever
#: stands nowhere here was refused for its recipient.
_TAKEN = "SUCCESS"
_LATER = frozenset({"TRANSIENT_FAILURE", "ACCOUNT_THROTTLED", "ACCOUNT_DAILY_QUOTA_EXCEEDED"})
_STOPS = frozenset(
    {
        "ACCOUNT_SUSPENDED",
        "ACCOUNT_SENDING_PAUSED",
        "CONFIGURATION_SET_SENDING_PAUSED",
        "CONFIGURATION_SET_NOT_FOUND",
        "CONFIGURATION_SET_DOES_NOT_EXIST",
        "TEMPLATE_NOT_FOUND",
        "TEMPLATE_DOES_NOT_EXIST",
        "MAIL_FROM_DOMAIN_NOT_VERIFIED",
        "INVALID_SENDING_POOL_NAME",
    }
)


def read_answer(reply: Reply, positions: Sequence[int], secrets: Sequence[str] = ()) -> Answer:
    """Tell what a reply proves about the recipients at `positions`, in the order they were sent."""
    said = _json(reply.body)
    request_id = message_id(reply.headers.get("x-amzn-requestid")) or None
    if reply.is_success:
        return replace(_read_success(reply, said, positions, secrets), request_id=request_id)
    kind, words = _type(reply, said), _words(said, secrets)
    outcome = _outcome(reply.status, kind, words)
    found = answer(outcome, reply, ", ".join(filter(None, (kind, words))), request_id=request_id)
    if outcome is not Outcome.DEFERRED:
        return found
    is_daily = kind == "LimitExceededException" or _DAILY.search(words) is not None
    return replace(found, retry_after=max(found.retry_after or timedelta(), _wait(is_daily=is_daily)))


@dataclass(frozen=True)
class Entry:
    """What became of one recipient."""

    status: str
    words: str
    id: str

    @property
    def is_account(self) -> bool:
        return self.status in _STOPS or (self.status not in _LATER and bool(_ACCOUNT.search(self.words)))

    @property
    def why(self) -> str:
        return reason(", ".join(filter(None, (self.status, self.words))))


def _read_success(reply: Reply, said: Any, positions: Sequence[int], secrets: Sequence[str]) -> Answer:
    rows = said.get("BulkEmailEntryResults") if isinstance(said, Mapping) else None
    entries = [_entry(row, secrets) for row in rows] if isinstance(rows, list) else []
    if not entries or not all(entry.status for entry in entries):
        return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
    if len(entries) != len(positions):
        words = f"the answer has {len(entries)} results for {len(positions)} mails"
        return answer(Outcome.UNKNOWN, reply, words)
    taken = {pos: one for pos, one in zip(positions, entries, strict=True) if one.status == _TAKEN}
    others = {pos: one for pos, one in zip(positions, entries, strict=True) if pos not in taken}
    put_off = [one for one in others.values() if one.is_account or one.status in _LATER]
    ids = {pos: one.id for pos, one in taken.items() if one.id}
    if not put_off:
        rejected = {pos: one.why for pos, one in others.items()}
        return Answer(Outcome.ACCEPTED, ids=ids, rejected=rejected, status=reply.status)
    if taken:
        # No answer says "these and not those, for now": until events tell, or a person, nobody is sent twice.
        words = f"{len(taken)} of {len(positions)} were taken, the others put off: {put_off[0].why}"
        return replace(answer(Outcome.UNKNOWN, reply, words), ids=ids)
    account = next((one for one in put_off if one.is_account), None)
    if account is not None:
        return answer(Outcome.MISCONFIGURED, reply, account.why)
    is_daily = any(one.status == "ACCOUNT_DAILY_QUOTA_EXCEEDED" for one in put_off)
    return replace(answer(Outcome.DEFERRED, reply, put_off[0].why), retry_after=_wait(is_daily=is_daily))


def _entry(row: Any, secrets: Sequence[str]) -> Entry:
    if not isinstance(row, Mapping) or not isinstance(status := row.get("Status"), str):
        return Entry("", "", "")
    return Entry(status.strip().upper(), _hidden(row.get("Error"), secrets), message_id(row.get("MessageId")))


def _outcome(status: int, kind: str, words: str) -> Outcome:
    found = _OUTCOMES.get(kind.removesuffix("Exception"), outcome_of(status))
    return Outcome.MISCONFIGURED if found is Outcome.REFUSED and _ACCOUNT.search(words) else found


def _type(reply: Reply, said: Any) -> str:
    """Read an error's type, which is in a header or in the body, with a namespace before or a URL behind."""
    body = said if isinstance(said, Mapping) else {}
    named = (reply.headers.get("x-amzn-errortype"), body.get("__type"), body.get("code"), body.get("Code"))
    written = next((one for one in named if isinstance(one, str) and one), "")
    return reason(written.partition(":")[0].rpartition("#")[2])


def _words(said: Any, secrets: Sequence[str]) -> str:
    if not isinstance(said, Mapping):
        return ""
    words = _hidden(said.get("message") or said.get("Message"), secrets)
    # A signature that does not fit is answered with all that was signed, the session's token included.
    return words.partition(" The Canonical String")[0]


def _hidden(said: Any, secrets: Sequence[str]) -> str:
    # Before it is cut: what is left of a key is one, too.
    words = said if isinstance(said, str) else ""
    for secret in secrets:
        words = words.replace(secret, "***")
    return reason(words)


def _wait(*, is_daily: bool) -> timedelta:
    return _USED_UP_FOR if is_daily else _THROTTLED_FOR


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
