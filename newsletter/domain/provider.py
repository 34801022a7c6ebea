"""What the engine knows of an email service: it decides from these values alone, never from a name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from newsletter.domain.diagnosis import Examination, unchecked
from newsletter.domain.message import Message, Recipient


class Outcome(StrEnum):
    """What an answer proves about a call."""

    #: Every recipient was taken, but for those the answer rejects one by one.
    ACCEPTED = "accepted"
    #: Nobody was taken, and the same call would be refused again.
    REFUSED = "refused"
    #: Nobody was taken; the same call may succeed later.
    DEFERRED = "deferred"
    #: Nobody was taken, and nobody will be until a person changes the account or the settings.
    MISCONFIGURED = "misconfigured"
    #: The call may or may not have been accepted.
    UNKNOWN = "unknown"
    #: The key was used with another payload: an earlier call was most likely accepted, this one was not.
    MISMATCHED = "mismatched"
    #: The key was used before, and this call sent nothing: what became of the earlier one is not said.
    REPEATED = "repeated"


class Recovery(StrEnum):
    """How it is found out what became of a call whose outcome is unknown."""

    #: A repeat under the same key is answered as the first call was, and not sent again.
    KEY = "key"
    #: A repeat reaches only those whom no earlier call reached.
    RECIPIENT_DEDUPE = "recipient_dedupe"
    #: The provider's own log can be searched.
    QUERY = "query"
    #: Only later events tell.
    EVENTS = "events"
    #: Nothing tells.
    NONE = "none"


class Shape(StrEnum):
    """What a call carries for each of its recipients."""

    #: A complete message.
    MESSAGES = "messages"
    #: Values for the variables of one template that they share.
    TEMPLATE = "template"


class OneClick(StrEnum):
    """How the one-click header of each recipient fares in a call (RFC 8058)."""

    #: Each mail of a call carries its own.
    OWN = "own"
    #: A call has one header for all, so that calls are of one recipient.
    ALONE = "alone"
    #: The provider puts its own in its place.
    REPLACED = "replaced"


@dataclass(frozen=True)
class Answer:
    """A provider's answer to one call; `ids` and `rejected` (with the reason) are by recipient position."""

    outcome: Outcome
    reason: str = ""
    ids: Mapping[int, str] = field(default_factory=dict)
    rejected: Mapping[int, str] = field(default_factory=dict)
    retry_after: timedelta | None = None
    status: int | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Capabilities:
    """What a provider can do.

    `call_timeout` bounds one call, from its first byte to the end of the answer. `key_ttl` (KEY): for so long
    a key is remembered; `key_binds_payload`: it is refused with another payload. `settles_after` (QUERY): so
    long after a call the log can be trusted, `look_interval` between two looks, `remembers_for` how long it
    keeps what it knows. `events_wait`: for so long events are waited for before the policy of the series
    decides. `is_atomic`: a call is accepted for all its recipients or for none, so proof for one is proof for
    all. `has_log`: it can be searched, too, once its recovery has come to its end. `rehearsal`: nothing
    leaves this machine, and nothing sent counts.

    For whoever chooses a provider: `byte_limit` is what a call may have where that is documented; `cost` says
    in a sentence what its shape loses or asks for.
    """

    name: str
    batch_size: int
    call_timeout: timedelta
    recovery: Recovery = Recovery.NONE
    key_ttl: timedelta = timedelta(hours=24)
    key_binds_payload: bool = False
    settles_after: timedelta = timedelta(minutes=10)
    look_interval: timedelta = timedelta(minutes=2)
    remembers_for: timedelta = timedelta(days=3)
    events_wait: timedelta = timedelta(hours=2)
    is_atomic: bool = True
    calls_per_second: float | None = None
    has_log: bool = False
    rehearsal: bool = False
    shape: Shape = Shape.MESSAGES
    byte_limit: int | None = None
    one_click: OneClick = OneClick.OWN
    cost: str = ""


@dataclass(frozen=True)
class Mailing:
    """What one call carries beside the message; a repeat for the same recipients is identical.

    `label` names the occasion for a person, such as `2026-12-01-lower-back`.
    """

    key: str
    recipients: Sequence[Recipient]
    date: datetime
    label: str


@dataclass(frozen=True)
class Inquiry:
    """What the provider's log is asked: who of these has it under this key; `since` is the first call."""

    key: str
    recipients: Sequence[Recipient]
    since: datetime


@dataclass(frozen=True)
class Sightings:
    """What the log shows: the ids found, by position; unless complete, what is missing proves nothing."""

    ids: Mapping[int, str] = field(default_factory=dict)
    is_complete: bool = True
    reason: str = ""


@dataclass(frozen=True)
class Request:
    """A call as a person may see it, secrets hidden."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def always() -> bool:
    """Let a call start."""
    return True


def too_late() -> Answer:
    """Say that nothing was sent, because too much time had passed since consent was looked at."""
    return Answer(Outcome.DEFERRED, "the call would have started too late", retry_after=timedelta())


class Call(Protocol):
    """One provider call, composed and not yet made."""

    def request(self) -> Request:
        """Show what would leave, with secrets hidden."""
        ...

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Make the call once; never raises for what a provider or a network does.

        `may_start` is asked immediately before the first byte of the body leaves; where it says no, nothing
        is sent and the answer is `too_late()`.
        """
        ...


class Provider(Protocol):
    """An adapter for an email service."""

    @property
    def capabilities(self) -> Capabilities: ...

    def compile(self, message: Message) -> Callable[[Mailing], Call]:
        """Encode a message once for where its pieces land; the result fills in fields only."""
        ...

    def search(self, inquiry: Inquiry) -> Sightings:  # noqa: ARG002
        """Look in the provider's own log, where it has one (QUERY); never raises for what a provider does."""
        return Sightings(is_complete=False, reason="this provider has no log to search")

    def examine(self, domains: Sequence[str]) -> Examination:  # noqa: ARG002
        """Ask for the account and its sending domains; changes nothing, never raises for what it is told."""
        said = f"{self.capabilities.name} is not asked whether the key is good and the domain verified"
        return Examination((unchecked("provider", said, "see the provider's own pages"),))

    def close(self) -> None:
        """Let go of connections."""
        ...
