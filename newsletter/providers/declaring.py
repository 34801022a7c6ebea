"""What every provider can do, asked of the adapters themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from newsletter.domain.provider import Capabilities
from newsletter.providers.dkim import VARIABLE as DKIM_KEY
from newsletter.providers.registry import LISTENERS, open_provider, provider_names
from newsletter.providers.settings import MailServer, ProviderSettings

_REGION = "eu-west-1"
#: Whose events tell of an unknown outcome.
_SET = "news"
_SERVER = MailServer("localhost")


@dataclass(frozen=True)
class Declared:
    """One adapter as it opens with all it can be told; `hears`: its reports are understood."""

    capabilities: Capabilities
    hears: bool


class _AnySecret(Mapping[str, str]):
    """An environment where every secret is set: nobody is called with it."""

    def __getitem__(self, name: str) -> str:
        # A key of DKIM is not wanted before there is a selector.
        if name.endswith("_FILE") or name == DKIM_KEY:
            raise KeyError(name)
        return "nobody:nobody"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def declared() -> list[Declared]:
    """Open every provider there is, look at what it says of itself, and close it again."""
    return [_declared(name) for name in provider_names()]


def any_settings(name: str, send_rate: float | None = None) -> ProviderSettings:
    """Return what any provider opens with, although nobody could be called with it."""
    return ProviderSettings(
        name,
        environment=_AnySecret(),
        region=_REGION,
        configuration_set=_SET,
        send_rate=send_rate,
        server=_SERVER,
    )


def _declared(name: str) -> Declared:
    provider = open_provider(any_settings(name))
    try:
        return Declared(provider.capabilities, name in LISTENERS)
    finally:
        provider.close()
