"""What every provider is that one address and one secret open."""

from dataclasses import replace
from typing import ClassVar

from newsletter.domain.provider import Capabilities, Provider
from newsletter.providers.settings import Secret, checked_url
from newsletter.providers.wire import Patience, Wire


class Account(Provider):
    """An address that is called over HTTP, and the secret that it knows.

    A subclass declares what it `can` do; the `call_timeout` is that of the patience. Raises ProviderError for
    an address that cannot be used.
    """

    can: ClassVar[Capabilities]

    def __init__(self, base_url: str, secret: Secret, patience: Patience | None = None) -> None:
        patience = patience or Patience()
        self._base_url = checked_url(base_url)
        self._secret = secret
        self._wire = Wire(base_url, patience)
        self._capabilities = replace(self.can, call_timeout=patience.call)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def close(self) -> None:
        """Let go of every connection."""
        self._wire.close()
