"""The settings of a letter: `newsletter.toml`, over it `NEWSLETTER_*` variables, which alone hold secrets.

`NEWSLETTER_PROVIDER__NAME` stands for `name` of `[provider]`, `NEWSLETTER_PROVIDERS__BULK__NAME` for that of
`[providers.bulk]`.
"""

import os
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from newsletter.content.letters import read_text
from newsletter.content.series_tables import duration
from newsletter.content.strict_toml import StrictTable, Unusable, read_toml
from newsletter.domain.letter import Publication
from newsletter.domain.retention import DEFAULTS, Retention
from newsletter.domain.slugs import offer
from newsletter.errors import ConfigError
from newsletter.keys import KEYS
from newsletter.provider_tables import NamedProviders, NamedProviderTable, ProviderTable, refuse_misnamed

FILE = "newsletter.toml"
PREFIX = "NEWSLETTER_"
#: Links of a rehearsal lead here while no public URL is set.
LOCAL_URL = "http://127.0.0.1:8025"
#: Variables that are no settings of the file.
_OTHERS = frozenset({KEYS, f"{KEYS}_FILE"})
#: The lists of words that `check` knows.
VOCABULARIES = ("health",)
#: What is kept for so long is never removed.
FOREVER = "forever"
#: What settings are read from while they are, beside the file.
_environment: ContextVar[Mapping[str, str]] = ContextVar("environment")


def _network(text: str) -> str:
    # Whatever is no address or network raises ValueError, which says so.
    return str(ip_network(text, strict=False))


class DatabaseTable(StrictTable):
    """Where the ledger is."""

    url: str = "sqlite:///newsletter.db"


def _vocabulary(text: str) -> str:
    if text not in VOCABULARIES:
        raise Unusable(f"there is no vocabulary {text!r}", mend=offer(text, VOCABULARIES))
    return text


class ChecksTable(StrictTable):
    """What `check` looks for beyond its own rules."""

    vocabularies: list[Annotated[str, AfterValidator(_vocabulary)]] = []


class WebTable(StrictTable):
    """Where the public pages listen; a proxy in front of them serves `public_url`.

    `proxies` are the addresses or networks of those that may say who a visitor is (`X-Forwarded-For`). With
    `keep_ip` a visitor's address is kept with what they agree to.
    """

    host: str = "127.0.0.1"
    # A variable is always text.
    port: int = Field(default=8025, ge=0, le=65535, strict=False)
    proxies: list[Annotated[str, AfterValidator(_network)]] = []
    keep_ip: bool = Field(default=False, strict=False)


def _span(text: str) -> str:
    if text != FOREVER and not duration(text):
        raise Unusable(f"{text!r} is not a length of time", mend=f'write it like "90d", or "{FOREVER}"')
    return text


Span = Annotated[str, AfterValidator(_span)]


def _default(kind: str) -> str:
    span = DEFAULTS[kind]
    return f"{span.days}d" if span else FOREVER


class RetentionTable(StrictTable):
    """How long records are kept: events of providers by kind, and what is `pending`, or an `ip` address."""

    accepted: Span = _default("accepted")
    delivered: Span = _default("delivered")
    deferred: Span = _default("deferred")
    bounced: Span = _default("bounced")
    failed: Span = _default("failed")
    complained: Span = _default("complained")
    unsubscribed: Span = _default("unsubscribed")
    opened: Span = _default("opened")
    clicked: Span = _default("clicked")
    other: Span = _default("other")
    pending: Span = _default("pending")
    ip: Span = _default("ip")

    @property
    def spans(self) -> Retention:
        """Return it as lengths of time."""
        found = self.model_dump().items()
        return Retention({kind: None if text == FOREVER else duration(text) for kind, text in found})


class LetterTable(StrictTable):
    """The whole of `newsletter.toml`."""

    name: str
    public_url: str = ""
    postal_address: str = ""
    alert_to: list[str] = []
    language: str = "en"
    provider: ProviderTable = ProviderTable()
    providers: NamedProviders = {}
    database: DatabaseTable = DatabaseTable()
    checks: ChecksTable = ChecksTable()
    web: WebTable = WebTable()
    retention: RetentionTable = RetentionTable()


class Settings(BaseSettings):
    """The settings in force."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    name: str
    public_url: str
    postal_address: str
    alert_to: list[str]
    language: str
    provider: ProviderTable
    providers: NamedProviders
    database: DatabaseTable
    checks: ChecksTable
    web: WebTable
    retention: RetentionTable

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let a variable win over the file."""
        assert isinstance(env_settings, EnvSettingsSource), "it reads the environment"
        env_settings.env_vars = {name.lower(): value for name, value in _environment.get().items()}
        return env_settings, init_settings

    @property
    def links_url(self) -> str:
        """Return where links and pictures lead, without a final slash."""
        return (self.public_url or LOCAL_URL).rstrip("/")

    @property
    def sender_domain(self) -> str:
        """Return the domain of an address to send from, where nobody has named one yet."""
        return urlsplit(self.links_url).hostname or "localhost"

    @property
    def publication(self) -> Publication:
        """Return what every mail says about its sender."""
        return Publication(self.name, self.links_url, self.postal_address, self.language)


def load_settings(root: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of a letter.

    Raises ConfigError for a file or a variable that cannot be used, with its line and nearest neighbour.
    """
    path = root / FILE
    if not path.is_file():
        raise ConfigError(
            f"there is no {FILE} in {root.resolve()}",
            mend="go to a letter's folder, or run: newsletter init DIR",
        )
    text = read_text(root, path)
    table = read_toml(text, FILE, LetterTable, error=ConfigError)
    _refuse_unknown_variables(environment, table.providers)
    given = _environment.set(environment)
    try:
        settings = Settings(**table.model_dump())
    except ValidationError as cause:
        error = cause.errors(include_url=False)[0]
        variable = PREFIX + "__".join(str(part) for part in error["loc"]).upper()
        raise ConfigError(f"the variable {variable} cannot be used: {error['msg'].lower()}") from None
    finally:
        _environment.reset(given)
    refuse_misnamed(settings.provider, settings.providers, text)
    return settings


def _refuse_unknown_variables(environment: Mapping[str, str], named: Iterable[str]) -> None:
    known = [*_OTHERS, *_variables(LetterTable, PREFIX)]
    for name in named:
        known += _variables(NamedProviderTable, f"{PREFIX}PROVIDERS__{name.upper()}__")
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            raise ConfigError(f"unknown variable {name}", mend=offer(name, known))


def _variables(model: type[BaseModel], prefix: str) -> list[str]:
    names: list[str] = []
    for field, info in model.model_fields.items():
        names.append(f"{prefix}{field.upper()}")
        inner: Any = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names += _variables(inner, f"{prefix}{field.upper()}__")
    return names
