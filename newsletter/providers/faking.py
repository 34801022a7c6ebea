"""Take a fake on this machine for what it is: a rehearsal, with which weeks can be played."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import httpx

from newsletter.domain.diagnosis import Examination
from newsletter.domain.message import Message
from newsletter.domain.provider import Call, Capabilities, Mailing, Provider, Recovery
from newsletter.providers.settings import MailServer, ProviderSettings, is_loopback

#: What every fake calls itself, over HTTP and SMTP. An address of this machine alone proves nothing: a proxy
#: or a mail server that sends may listen there.
NAME = "newsletter-fake"
_TIMEOUT_SECONDS = 2
_LONGEST_GREETING = 512


def rehearsed(provider: Provider, settings: ProviderSettings) -> Provider | None:
    """Return a provider as a rehearsal where its settings lead to a fake on this machine; None elsewhere."""
    server = settings.server
    if settings.name == "smtp":
        is_fake = is_loopback(server.host or "") and NAME in _greeting(server)
    else:
        url = settings.base_url or ""
        is_fake = is_loopback(urlsplit(url).hostname or "") and _server_at(url) == NAME
    return Rehearsed(provider) if is_fake else None


@dataclass(frozen=True)
class Rehearsed(Provider):
    """Sends as the provider does, under a name of its own: what it did never counts for the real one.

    A fake goes by its own clock: its log and its memory of keys prove nothing about days that are played.
    """

    provider: Provider

    @property
    def capabilities(self) -> Capabilities:
        real = self.provider.capabilities
        return replace(real, name=f"fake {real.name}", rehearsal=True, recovery=Recovery.NONE, has_log=False)

    def compile(self, message: Message) -> Callable[[Mailing], Call]:
        """Encode a message as the provider wants it."""
        return self.provider.compile(message)

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask the fake."""
        return self.provider.examine(domains)

    def close(self) -> None:
        """Let go of connections."""
        self.provider.close()


def _server_at(url: str) -> str:
    try:
        return str(httpx.get(url, timeout=_TIMEOUT_SECONDS, trust_env=False).headers.get("server"))
    except (httpx.HTTPError, httpx.InvalidURL):
        return ""


def _greeting(server: MailServer) -> str:
    try:
        with socket.create_connection((server.host, server.number), _TIMEOUT_SECONDS) as connection:
            return connection.recv(_LONGEST_GREETING).decode("ascii", "replace")
    except OSError:
        return ""
