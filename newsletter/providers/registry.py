"""Which providers there are; each is imported only when it is opened."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from newsletter.domain.provider import Provider
from newsletter.domain.slugs import offer
from newsletter.errors import ProviderError
from newsletter.providers.settings import ProviderSettings

#: The function that opens each provider. To add one, write it beside these and name it here.
PROVIDERS = {
    "outbox": "newsletter.providers.outbox:open_outbox",
    "mailgun": "newsletter.providers.mailgun:open_mailgun",
    "resend": "newsletter.providers.resend:open_resend",
}


def provider_names() -> tuple[str, ...]:
    """List the names that `[provider] name` can have."""
    return tuple(PROVIDERS)


def open_provider(settings: ProviderSettings) -> Provider:
    """Open the provider that the settings name.

    Raises ProviderError for an unknown name, a missing key or an address that cannot be used.
    """
    if settings.name not in PROVIDERS:
        raise ProviderError(f"no provider is called {settings.name!r}", mend=offer(settings.name, PROVIDERS))
    module, _, function = PROVIDERS[settings.name].partition(":")
    opener = cast("Callable[[ProviderSettings], Provider]", getattr(import_module(module), function))
    return opener(settings)


def open_rehearsal(folder: Path | None) -> Provider:
    """Open what sends nothing: the outbox in a folder, or one that keeps no mail."""
    if folder is not None:
        return open_provider(ProviderSettings("outbox", folder=folder))
    from newsletter.providers.nowhere import Nowhere  # noqa: PLC0415

    return Nowhere()
