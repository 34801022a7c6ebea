"""The `[provider]` table, and those of `[providers.NAME]`, which series name."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from newsletter.content.strict_toml import StrictTable, Unusable, line_of
from newsletter.domain.account import Limits
from newsletter.domain.provider import Capabilities
from newsletter.domain.slugs import is_slug, offer, slugify
from newsletter.errors import ConfigError, Place
from newsletter.providers import ProviderSettings, provider_names
from newsletter.providers.settings import MailServer, Prefixed

#: The ledger has room for so much beside what a rehearsal puts before it.
LONGEST_NAME = 20
_PREFIX = re.compile(r"(?!NEWSLETTER_)[A-Z][A-Z0-9_]*")


def _prefix(text: str) -> str:
    if text and not _PREFIX.fullmatch(text):
        raise Unusable(
            f"env_prefix = {text!r} cannot begin the name of a variable",
            mend='write capitals, digits and _, such as "BULK_"; NEWSLETTER_ is for the settings',
        )
    return text


def _name(text: str) -> str:
    if not is_slug(text) or len(text) > LONGEST_NAME:
        short = slugify(text, fallback="bulk")[:LONGEST_NAME].strip("-")
        raise Unusable(f"a provider cannot be called {text!r}", mend=f"write [providers.{short}]")
    return text


def _kind(text: str) -> str:
    if text not in provider_names():
        raise Unusable(f"no provider is called {text!r}", mend=offer(text, provider_names()))
    return text


class ProviderTable(StrictTable):
    """Which email service, where it answers, and how much of it may be used.

    `calls_at_once` are those of one process. `per_day` counts recipients a UTC day; `warm_up` those of the
    first days on which anything was sent. `stream` is the one of Postmark for what is sent to many.
    `env_prefix` begins the names of the variables that hold its secrets: a second account has its own.
    `region`, `configuration_set` and `send_rate`, in recipients a second, are for Amazon SES. From `host` to
    `dsn` it is about SMTP.
    """

    name: str = "outbox"
    env_prefix: Annotated[str, AfterValidator(_prefix)] = ""
    base_url: str | None = None
    folder: str = "outbox"
    stream: str = ""
    calls_per_second: float | None = Field(default=None, gt=0, strict=False)
    per_day: int | None = Field(default=None, gt=0, strict=False)
    warm_up: list[Annotated[int, Field(gt=0)]] = []
    calls_at_once: int = Field(default=8, ge=1, le=32, strict=False)
    region: str | None = None
    configuration_set: str | None = None
    send_rate: float | None = Field(default=None, gt=0, strict=False)
    host: str | None = None
    port: int | None = Field(default=None, gt=0, le=65535, strict=False)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    return_path: str = ""
    dkim_selector: str = ""
    dkim_domain: str = ""
    dsn: bool = Field(default=False, strict=False)

    @property
    def server(self) -> MailServer:
        """Return where SMTP is spoken."""
        return MailServer(
            self.host,
            self.port,
            self.security,
            self.user,
            self.return_path,
            self.dkim_selector,
            self.dkim_domain,
            self.dsn,
        )

    def opened_with(self, root: Path, environment: Mapping[str, str]) -> ProviderSettings:
        """Return what the provider of the letter in a folder is opened with."""
        return ProviderSettings(
            self.name,
            self.base_url,
            root / self.folder,
            Prefixed(environment, self.env_prefix),
            stream=self.stream,
            region=self.region,
            configuration_set=self.configuration_set,
            send_rate=self.send_rate,
            server=self.server,
        )

    def limits(self, capabilities: Capabilities) -> Limits:
        """Return the pace of the account; a rehearsal has none."""
        if capabilities.rehearsal:
            return Limits()
        per_second = self.calls_per_second or capabilities.calls_per_second
        return Limits(per_second, self.per_day, tuple(self.warm_up))


class NamedProviderTable(ProviderTable):
    """One that a series names: nobody is to take it for the outbox because its own name was forgotten."""

    name: Annotated[str, AfterValidator(_kind)]


NamedProviders = dict[Annotated[str, AfterValidator(_name)], NamedProviderTable]


def refuse_misnamed(default: ProviderTable, named: Mapping[str, NamedProviderTable], text: str) -> None:
    """Raise ConfigError for a name by which something else is known, with its line in the file."""
    for name, table in named.items():
        if name in provider_names() and (name != table.name or name == default.name):
            what = "the default" if name == default.name else "another provider"
            raise ConfigError(
                f"[providers.{name}] is called like {what}: reports and records could not be told apart",
                place=Place("newsletter.toml", line_of(text, ("providers", name))),
                mend="give it a name of your own, such as [providers.bulk]",
            )
