"""A rehearsal that keeps nothing: what the outbox would write, it takes and lets go."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

from newsletter.domain.message import Message
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Mailing,
    Outcome,
    Provider,
    Request,
    always,
    too_late,
)
from newsletter.providers import outbox
from newsletter.providers.mime import Fill, compile_mime

#: What is called for costs nothing, so a call may be large.
CAPABILITIES = replace(outbox.CAPABILITIES, batch_size=1_000)


class Nowhere(Provider):
    """Goes on with what the outbox began, and accepts every mail without making it."""

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def compile(self, message: Message) -> Callable[[Mailing], "NowhereCall"]:
        """Encode a message once as MIME, so that what cannot be a mail is found."""
        fill_at = compile_mime(message)
        return lambda mailing: NowhereCall(fill_at(mailing.date), mailing)

    def close(self) -> None:
        """Nothing is held open."""


@dataclass(frozen=True)
class NowhereCall:
    """The mails of one batch, none of which is made."""

    fill: Fill
    mailing: Mailing

    def request(self) -> Request:
        """Show the first mail."""
        body = b"".join(chain.from_iterable(self.fill(self.mailing.recipients[:1])))
        return Request("NOTHING", "", {}, body)

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Accept everybody."""
        return Answer(Outcome.ACCEPTED) if may_start() else too_late()
