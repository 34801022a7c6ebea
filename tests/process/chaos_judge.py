"""What must hold at the end of a run of chaos, by the fake's own log."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from chaos_caller import START_DEADLINE
from chaos_cast import ALERTED, address_of
from chaos_fakes import Call, Mail

#: What this machine may need to see a byte that has arrived, in seconds.
_SLACK = 0.5
_MOST_TOLD = 5
_AWAY = "the database cannot be used"
_BUG = re.compile("Traceback|this is a bug")
_FAILED = re.compile("(tick|a step) failed .*(the database|connection to) ")


@dataclass(frozen=True)
class Seen:
    """A run that has come to its end.

    `left` has when a leave was confirmed, by address and the monotonic clock; `leaving` all who asked to.
    `counted` is how many the ledger has as accepted, by subject; `holds` is how often a person was needed.
    `is_calm` says that no call was cut off.
    """

    people: int
    subjects: Sequence[str]
    mails: Sequence[Mail]
    calls: Sequence[Call]
    left: Mapping[str, float]
    leaving: frozenset[str]
    counted: Mapping[str, int]
    holds: int = 0
    leaks: int = 0
    is_calm: bool = False


def violations(seen: Seen) -> list[str]:
    """Tell in sentences what does not hold."""
    told = []
    for check in (_twice, _called_again, _missing, _after_leaving, _strange, _miscounted):
        found = list(check(seen))
        told += found[:_MOST_TOLD]
        if len(found) > _MOST_TOLD:
            told.append(f"… and {len(found) - _MOST_TOLD} more like these")
    return told


def untold(code: int | None, said: str, issues: int) -> Iterator[str]:
    """Tell what `status --check --json` does not say at the end: that everything is settled."""
    if code != 0:
        yield f"status --check ended with {code}"
    with suppress(ValueError):
        status = json.loads(said)
        if status["unknown"] or status["on_its_way"] or status["settled"] != issues:
            yield "status does not say that everything is settled"


def untidy(said: str, troubles: int) -> Iterator[str]:
    """Tell what a process says that is no operator's concern; its database was in trouble so many times."""
    if _BUG.search(said):
        yield "tells of a bug"
    if _FAILED.search(said):
        yield "tells of a step that failed, and it was the database"
    # A process that stood still meanwhile may meet one trouble twice.
    if (told := said.count(_AWAY)) > 2 * troubles:
        yield f"says {told} times of {troubles} troubles that {_AWAY}"


def _twice(seen: Seen) -> Iterator[str]:
    for (subject, address), times in Counter((mail.subject, mail.address) for mail in seen.mails).items():
        if times > 1 and address != ALERTED:
            yield f"{address} was accepted {times} times for {subject!r}"


def _called_again(seen: Seen) -> Iterator[str]:
    called = Counter((call.subject, address) for call in seen.calls for address in call.to)
    for (subject, address), times in called.items():
        if seen.is_calm and times > 1 and address != ALERTED:
            yield f"{address} was called {times} times for {subject!r}, and no call was cut off"


def _missing(seen: Seen) -> Iterator[str]:
    have = {(mail.subject, mail.address) for mail in seen.mails}
    for subject in seen.subjects:
        for reader in range(1, seen.people + 1):
            address = address_of(reader)
            if address not in seen.leaving and (subject, address) not in have:
                yield f"{address} stayed, and was never accepted for {subject!r}"


def _after_leaving(seen: Seen) -> Iterator[str]:
    latest = START_DEADLINE.total_seconds() + _SLACK
    for call in seen.calls:
        for address in call.to:
            late = call.begun - seen.left.get(address, call.begun)
            if late > latest:
                yield f"a call for {address} ({call.subject!r}) began {late:.2f} s after they had left"


def _strange(seen: Seen) -> Iterator[str]:
    everybody = {address_of(reader) for reader in range(1, seen.people + 1)}
    for mail in seen.mails:
        is_alert = mail.address == ALERTED and mail.subject not in seen.subjects
        if not is_alert and (mail.subject not in seen.subjects or mail.address not in everybody):
            yield f"nobody asked for {mail.subject!r} to {mail.address}"
    alerts = sum(mail.address == ALERTED for mail in seen.mails)
    if alerts > seen.holds:
        yield f"{alerts} alerts tell of {seen.holds} holds"
    if seen.leaks:
        yield f"{seen.leaks} mails show their reader the others"


def _miscounted(seen: Seen) -> Iterator[str]:
    for subject in seen.subjects:
        accepted = sum(mail.subject == subject for mail in seen.mails)
        # Of those who left in the middle of a doubt the ledger may know less, and says so.
        if abs(accepted - seen.counted.get(subject, 0)) > len(seen.leaving):
            yield f"the ledger counts {seen.counted.get(subject, 0)} of {subject!r}, the fake {accepted}"
