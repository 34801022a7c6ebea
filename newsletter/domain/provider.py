"""What the engine knows of an email service: it decides from these values alone, never from a name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

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

    `rehearsal`: nothing leaves this machine, and nothing sent counts.
    `key_ttl`: for so long a repeat under the same key is answered and not sent again; None where there is
    no such promise. `call_timeout` bounds one call, from its first byte to the end of the answer.
    """

    name: str
    batch_size: int
    call_timeout: timedelta
    key_ttl: timedelta | None = None
    rehearsal: bool = False


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
class Request:
    """A call as a person may see it, secrets hidden."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Call(Protocol):
    """One provider call, composed and not yet made."""

    def request(self) -> Request:
        """Show what would leave, with secrets hidden."""
        ...

    def make(self) -> Answer:
        """Make the call once; never raises for what a provider or a network does."""
        ...


class Provider(Protocol):
    """An adapter for an email service."""

    @property
    def capabilities(self) -> Capabilities: ...

    def compile(self, message: Message) -> Callable[[Mailing], Call]:
        """Encode a message once for where its pieces land; the result fills in fields only."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
