"""By which provider the mails of a series go: the one that it names, or the default."""

from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.domain.account import Limits
from newsletter.domain.provider import Capabilities

_UNLIMITED = Limits()


@dataclass(frozen=True)
class Route:
    """A provider that mails go by; its capabilities carry the name by which the ledger knows it."""

    capabilities: Capabilities
    limits: Limits = _UNLIMITED


@dataclass(frozen=True)
class Routes:
    """The default and, by the names that series give them, the others.

    Without `named` there is one for all, whatever a series says.
    """

    default: Route
    named: Mapping[str, Route] | None = None

    def of(self, provider: str) -> Route | None:
        """Return the route of a series by what it names; None where this process knows no such provider."""
        if not provider or self.named is None:
            return self.default
        return self.named.get(provider)


def why_unknown(provider: str) -> str:
    """Say why nothing of a series goes out that names a provider which this process does not know."""
    return f"newsletter.toml had no [providers.{provider}] when this began to run"
