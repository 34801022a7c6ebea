"""Why a person got an issue, or did not: every answer there is, and the words that all of them use."""

from datetime import datetime
from enum import StrEnum


class Why(StrEnum):
    """Every answer there is, in words that stay as they are."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    ACCEPTED = "accepted"
    #: An import said so: nothing of it happened here.
    RECEIVED_ELSEWHERE = "received_elsewhere"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SENDING = "sending"
    PLANNED = "planned"
    #: An earlier issue of the series is not settled.
    WAITING = "waiting"
    CANCELLED = "cancelled"
    #: The release waits for a person.
    HELD = "held"
    SERIES_PAUSED = "series_paused"
    ISSUE_PAUSED = "issue_paused"
    DUE = "due"
    #: In a sequence: it came into its place when they were past it; it was taken out; nobody approved it.
    PASSED = "passed"
    TAKEN_OUT = "taken_out"
    NOT_APPROVED = "not_approved"
    NOT_QUEUED = "not_queued"
    ONLY_REHEARSED = "only_rehearsed"
    NEVER_SUBSCRIBED = "never_subscribed"
    NOT_CONFIRMED = "not_confirmed"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    #: Not in the audience that the series names.
    OUTSIDE = "outside"
    #: By their own wish, for a time.
    PAUSED = "paused"
    #: They confirmed after the issue had been released.
    JOINS_AT_NEXT_SLOT = "joins_at_next_slot"
    #: They were due, and no row says what became of it.
    NOT_RECORDED = "not_recorded"


#: A verdict, and the sentence that says it.
Answer = tuple[Why, str]


def at(instant: datetime) -> str:
    """Write an instant in UTC."""
    return f"{instant:%Y-%m-%d %H:%M}Z"


def at_some_time(instant: datetime | None) -> str:
    """Write when something was, or that nothing tells."""
    return f"at {at(instant)}" if instant else "at an instant that was not kept"


def dated(instant: datetime | None) -> str:
    """Write when something was, where that is known."""
    return f" on {at(instant)}" if instant else ""


def spelt(reason: str) -> str:
    """Write a reason that was kept, in words."""
    return reason.replace("_", " ")
