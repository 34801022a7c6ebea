"""What SparkPost's replies prove: a success counts who was refused, and names nobody.

Facts by developers.sparkpost.com as of 2026-06.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import LONGEST_WAIT, Reply, answer, by_status, message_id, sent_at
from newsletter.providers.reports import table, text, why

_EXCEEDED = 420
#: What a code proves, whatever the status beside it.
_OUTCOMES: Mapping[str, Outcome] = {
    "2101": Outcome.DEFERRED,  # exceeds an hourly or daily limit
    "2102": Outcome.DEFERRED,  # exceeds a daily or monthly limit
    # Nothing that differs between two recipients can be the cause of these: splitting would find nobody.
    "1500": Outcome.MISCONFIGURED,  # unconfigured sending domain
    "1501": Outcome.MISCONFIGURED,
    "3000": Outcome.MISCONFIGURED,  # substitution language syntax
    "7001": Outcome.MISCONFIGURED,  # no verified sending domain
}
#: What is said where the account or the sender is at fault.
_ACCOUNT = re.compile(
    r"sending domain|substitution language|\baccount\b.*\b(?:suspended|disabled|terminated)|sandbox",
    re.IGNORECASE,
)
_MONTHLY = re.compile(r"month", re.IGNORECASE)
_HOURLY = re.compile(r"hour", re.IGNORECASE)


def read_answer(reply: Reply, positions: Sequence[int]) -> Answer:
    """Tell what a reply proves about the recipients at `positions`."""
    said = _json(reply.body)
    if reply.is_success:
        return _read_success(reply, table(said.get("results")), positions)
    errors = said.get("errors")
    first = table(errors[0]) if isinstance(errors, list) and errors else {}
    code, words = _code(first), text(first.get("message"))
    words = why(f"{code} {words}".strip(), first.get("description"))
    if reply.status == _EXCEEDED or code in ("2101", "2102"):
        return _read_limit(reply, words)
    outcome = _OUTCOMES.get(code)
    found = answer(outcome, reply, words) if outcome else by_status(reply, words)
    if found.outcome is Outcome.REFUSED and _ACCOUNT.search(words):
        return replace(found, outcome=Outcome.MISCONFIGURED)
    return found


def _read_success(reply: Reply, results: Mapping[str, Any], positions: Sequence[int]) -> Answer:
    accepted, rejected = (_count(results, f"total_{name}_recipients") for name in ("accepted", "rejected"))
    id_ = message_id(results.get("id"))
    if not id_ or min(accepted, rejected) < 0 or accepted + rejected != len(positions):
        return answer(Outcome.UNKNOWN, reply, "the answer cannot be read")
    if not rejected:
        return Answer(Outcome.ACCEPTED, ids=dict.fromkeys(positions, id_), status=reply.status)
    errors = results.get("rcpt_to_errors")
    first = table(errors[0]) if isinstance(errors, list) and errors else {}
    words = why(first.get("message"), first.get("description"))
    if not accepted:
        return answer(Outcome.REFUSED, reply, words or "every recipient was refused")
    # Who it is, the log tells; the others are sent again, until the one who is refused is alone.
    return answer(Outcome.UNKNOWN, reply, f"{rejected} of {len(positions)} were refused, unnamed; {words}")


def _count(results: Mapping[str, Any], name: str) -> int:
    count = results.get(name)
    return count if type(count) is int else -1


def _read_limit(reply: Reply, words: str) -> Answer:
    """Wait until the hour or the day is over; for another month a person decides."""
    if _MONTHLY.search(words):
        return answer(Outcome.MISCONFIGURED, reply, words)
    found = answer(Outcome.DEFERRED, reply, words)
    return replace(found, retry_after=found.retry_after or _until_over(reply, words))


def _until_over(reply: Reply, words: str) -> timedelta:
    now = sent_at(reply)
    if now is None:
        return timedelta(hours=1) if _HOURLY.search(words) else LONGEST_WAIT
    now = now.astimezone(UTC)
    hour = datetime(now.year, now.month, now.day, now.hour, tzinfo=UTC)
    if _HOURLY.search(words):
        return hour + timedelta(hours=1) - now
    return hour.replace(hour=0) + timedelta(days=1) - now


def _code(error: Mapping[str, Any]) -> str:
    code = error.get("code")
    return str(code) if type(code) is int else text(code)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        return table(orjson.loads(body))
    except orjson.JSONDecodeError:
        return {}
