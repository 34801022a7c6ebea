"""One account of several: the same adapter under a name of its own, by which the ledger knows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from newsletter.domain.diagnosis import Examination
from newsletter.domain.event import Event, Listener, Post
from newsletter.domain.message import Message
from newsletter.domain.provider import Call, Capabilities, Inquiry, Mailing, Provider, Sightings


class Named(Provider):
    """Does what the provider does, under the name that series give it."""

    def __init__(self, provider: Provider, name: str) -> None:
        self._provider = provider
        # Asked for several times at each call.
        self._capabilities = replace(provider.capabilities, name=name)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def compile(self, message: Message) -> Callable[[Mailing], Call]:
        """Encode a message as the provider wants it."""
        return self._provider.compile(message)

    def search(self, inquiry: Inquiry) -> Sightings:
        """Look in the log of its account."""
        return self._provider.search(inquiry)

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for its account."""
        return self._provider.examine(domains)

    def close(self) -> None:
        """Let go of connections."""
        self._provider.close()


@dataclass(frozen=True)
class NamedListener(Listener):
    """Understands the reports of one account: two of a service may give two events one id."""

    listener: Listener
    name: str

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify and read a post, as the provider's own does."""
        return [replace(event, provider=self.name) for event in self.listener.listen(post, now)]
