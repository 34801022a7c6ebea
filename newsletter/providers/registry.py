"""Which providers there are; each is imported only when it is opened."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import cast

from newsletter.domain.event import Listener
from newsletter.domain.provider import Provider
from newsletter.domain.slugs import offer
from newsletter.errors import ProviderError
from newsletter.providers.named import Named, NamedListener
from newsletter.providers.settings import ProviderSettings

#: The function that opens each provider. To add one, write it beside these and name it here.
PROVIDERS = {
    "outbox": "newsletter.providers.outbox:open_outbox",
    "brevo": "newsletter.providers.brevo:open_brevo",
    "mailersend": "newsletter.providers.mailersend:open_mailersend",
    "mailgun": "newsletter.providers.mailgun:open_mailgun",
    "mailjet": "newsletter.providers.mailjet:open_mailjet",
    "mandrill": "newsletter.providers.mandrill:open_mandrill",
    "postmark": "newsletter.providers.postmark:open_postmark",
    "resend": "newsletter.providers.resend:open_resend",
    "sendgrid": "newsletter.providers.sendgrid:open_sendgrid",
    "ses": "newsletter.providers.ses:open_ses",
    "smtp": "newsletter.providers.smtp:open_smtp",
    "sparkpost": "newsletter.providers.sparkpost:open_sparkpost",
}
#: The function that opens what understands the reports of each.
LISTENERS = {
    "brevo": "newsletter.providers.brevo_events:open_listener",
    "mailersend": "newsletter.providers.mailersend_events:open_listener",
    "mailgun": "newsletter.providers.mailgun_events:open_listener",
    "mailjet": "newsletter.providers.mailjet_events:open_listener",
    "mandrill": "newsletter.providers.mandrill_events:open_listener",
    "postmark": "newsletter.providers.postmark_events:open_listener",
    "resend": "newsletter.providers.resend_events:open_listener",
    "sendgrid": "newsletter.providers.sendgrid_events:open_listener",
    "ses": "newsletter.providers.ses_events:open_listener",
    "sparkpost": "newsletter.providers.sparkpost_events:open_listener",
}
_NONE: Mapping[str, ProviderSettings] = {}


def provider_names() -> tuple[str, ...]:
    """List the names that `[provider] name` can have."""
    return tuple(PROVIDERS)


def open_provider(settings: ProviderSettings) -> Provider:
    """Open the provider that the settings name.

    Raises ProviderError for an unknown name, a missing key or an address that cannot be used.
    """
    if settings.name not in PROVIDERS:
        raise ProviderError(f"no provider is called {settings.name!r}", mend=offer(settings.name, PROVIDERS))
    return cast("Provider", _function(PROVIDERS[settings.name])(settings))


def open_named(name: str, settings: ProviderSettings) -> Provider:
    """Open a provider under a name of its own, as `open_provider` does."""
    return Named(open_provider(settings), name)


def listeners(
    environment: Mapping[str, str], named: Mapping[str, ProviderSettings] = _NONE
) -> Mapping[str, Callable[[], Listener]]:
    """Return by name what opens the understanding of a provider's reports, for whoever has the secret.

    A secret is read anew at each opening, so that a file with another one counts at once.
    """
    own = {name: partial(_open_named_listener, name, one) for name, one in named.items()
           if one.name in LISTENERS}  # fmt: skip
    return {name: partial(_open_listener, name, environment) for name in LISTENERS} | own


def open_rehearsal(folder: Path | None) -> Provider:
    """Open what sends nothing: the outbox in a folder, or one that keeps no mail."""
    if folder is not None:
        return open_provider(ProviderSettings("outbox", folder=folder))
    from newsletter.providers.nowhere import Nowhere  # noqa: PLC0415

    return Nowhere()


def _open_named_listener(name: str, settings: ProviderSettings) -> Listener:
    return NamedListener(_open_listener(settings.name, settings.environment), name)


def _open_listener(name: str, environment: Mapping[str, str]) -> Listener:
    return cast("Listener", _function(LISTENERS[name])(environment))


def _function(place: str) -> Callable[..., object]:
    module, _, function = place.partition(":")
    return cast("Callable[..., object]", getattr(import_module(module), function))
