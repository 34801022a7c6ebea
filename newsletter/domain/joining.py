"""What becomes of somebody whom a list of people names: nobody who left is ever brought back."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from newsletter.domain.subscriber import Consent, Subscriber


class Entry(NamedTuple):
    """A line of a list of people; `received` names issues, None where the list says nothing of them.

    `series` is the one that the line is of, where the list says so.
    """

    line: int
    person: Subscriber
    received: str | None = None
    attributes: Mapping[str, Any] = {}
    series: str = ""


class Refusal(NamedTuple):
    """A row that was left out, and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class Standing:
    """How an address of a list stands already; `id` is None where nobody has it and it is suppressed."""

    id: int | None = None
    state: Consent | None = None
    suppressed: str | None = None


class Fate(StrEnum):
    """What a list does for one person."""

    NEW = "new"
    #: They were asked before, and the list says that they agreed.
    CONFIRMED = "confirmed"
    KEPT = "kept"
    WAITING = "waiting"
    LEFT = "left"
    SUPPRESSED = "suppressed"


_FATES = {
    Consent.ACTIVE: Fate.KEPT,
    Consent.PENDING: Fate.WAITING,
    Consent.UNSUBSCRIBED: Fate.LEFT,
}


def fate_of(standing: Standing | None, state: Consent) -> Fate:
    """Say what becomes of somebody whom a list wants to be active, or pending."""
    if standing is None:
        return Fate.NEW
    if standing.suppressed:
        return Fate.SUPPRESSED
    if standing.state is None:
        return Fate.NEW
    if standing.state is Consent.PENDING and state is Consent.ACTIVE:
        return Fate.CONFIRMED
    return _FATES[standing.state]
