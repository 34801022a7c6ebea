"""What a sender has taken: a batch to call for, or one to search for in the provider's log."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from newsletter.domain.delivery import Batch
from newsletter.domain.message import Message
from newsletter.domain.provider import Call, Inquiry, Mailing
from newsletter.domain.tokens import TokenKeys
from newsletter.pipeline.addressing import Frozen, recipients
from newsletter.store.claims import About


@dataclass(frozen=True)
class Compiled:
    """A revision encoded for a provider, for all batches of a release; `label` names the occasion."""

    provider: str
    message: Message
    fill: Callable[[Mailing], Call]
    label: str
    about: About


@dataclass(frozen=True)
class Claim:
    """A batch this process holds, and the mailing it will make.

    `key` is the call's, `willing` are the positions that may be mailed. `claimed_at` is in monotonic seconds;
    `counted` is how many count against the day's quota for it.
    """

    batch: Batch
    compiled: Compiled
    frozen: Frozen
    willing: Set[int]
    keys: TokenKeys
    key: str
    claimed_at: float
    counted: int

    @cached_property
    def mailing(self) -> Mailing:
        """Address it; not before the claim is durable, because it would keep others from writing."""
        people = recipients(self.frozen, self.keys, self.key, self.willing)
        return Mailing(self.key, people, self.frozen.date, self.compiled.label)

    @cached_property
    def call(self) -> Call:
        """Compose the call that this claim allows."""
        return self.compiled.fill(self.mailing)

    @property
    def positions(self) -> tuple[int, ...]:
        # Not from the mailing: where another process makes the call, nobody is addressed in this one.
        return tuple(pos for pos, *_ in self.frozen.members if pos in self.willing)

    @property
    def made_at(self) -> datetime:
        return self.batch.last_call_at or self.frozen.date


@dataclass(frozen=True)
class Look:
    """A batch whose outcome this process searches for in the provider's log."""

    batch: Batch
    inquiry: Inquiry


Work = Claim | Look
