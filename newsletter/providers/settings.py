"""What a provider is opened with, and how its secrets are read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from newsletter.errors import ProviderError


@dataclass(frozen=True)
class MailServer:
    """Where SMTP is spoken, how the connection is made private, and who bounces go to.

    `security` is `starttls`, `tls` or `none`. Without `return_path` bounces go to a mail's sender. With a
    `dkim_selector` mails are signed, for `dkim_domain` or that of their sender. With `dsn` the server is
    asked to tell of failures and delays, by the name of the delivery (RFC 3461).
    """

    host: str | None = None
    port: int | None = None
    security: str = "starttls"
    user: str = ""
    return_path: str = ""
    dkim_selector: str = ""
    dkim_domain: str = ""
    dsn: bool = False

    @property
    def number(self) -> int:
        """Return the port, which is by custom that of the security."""
        return self.port or {"starttls": 587, "tls": 465}.get(self.security, 25)

    def __str__(self) -> str:
        return f"{self.host}:{self.number}"


@dataclass(frozen=True)
class ProviderSettings:
    """The `[provider]` table, the folder for what stays on this machine, and where secrets are found.

    `stream` is which of an account's streams is used, where it has such. `region`, `configuration_set` and
    `send_rate`, in recipients a second, are for Amazon SES.
    """

    name: str
    base_url: str | None = None
    folder: Path = Path("outbox")
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    stream: str = ""
    region: str | None = None
    configuration_set: str | None = None
    send_rate: float | None = None
    server: MailServer = MailServer()


@dataclass(frozen=True)
class Secret:
    """A value that shows itself to nobody; `reveal` is for the one place that sends it."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the value."""
        return self._value

    def __str__(self) -> str:
        return "hidden"


@dataclass(frozen=True)
class Prefixed(Mapping[str, str]):
    """The variables whose names begin with a prefix, by what follows it: those of one account of several."""

    environment: Mapping[str, str] = field(repr=False)
    prefix: str = ""

    def __getitem__(self, name: str) -> str:
        return self.environment[self.prefix + name]

    def __iter__(self) -> Iterator[str]:
        return (name.removeprefix(self.prefix) for name in self.environment if name.startswith(self.prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def spelled(environment: Mapping[str, str], variable: str) -> str:
    """Return the whole name of a variable, for a person."""
    return environment.prefix + variable if isinstance(environment, Prefixed) else variable


def read_secret(environment: Mapping[str, str], variable: str, *, what: str = "key") -> Secret:
    """Read a secret from a variable, or from the file that `<variable>_FILE` names.

    Raises ProviderError, which names the variable and never the value.
    """
    value, source = _find(environment, variable, f"the provider's {what}")
    # Some passwords are shown in groups.
    if not value.isascii() or not value.isprintable() or (" " in value and what != "password"):
        raise ProviderError(
            f"{source} holds something that is no {what}", mend=f"copy the {what} again, alone"
        )
    return Secret(value)


def read_block(environment: Mapping[str, str], variable: str, *, what: str) -> Secret:
    """Read a secret that has lines, as `read_secret` does; what it holds is for others to judge."""
    return Secret(_find(environment, variable, what)[0])


def checked_url(base_url: str) -> str:
    """Return an address without its last slash; only this machine may be called without TLS.

    Raises ProviderError for anything else that cannot be called, or that carries a password.
    """
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    mend = "write base_url as https://host, or http://127.0.0.1:port for a fake"
    if not host or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
        raise ProviderError("the provider's base_url is no web address", mend=mend)
    if parts.username is not None or parts.password is not None:
        raise ProviderError("the provider's base_url carries a password", mend=mend)
    if parts.scheme == "http" and not is_loopback(host):
        raise ProviderError(
            f"the provider's base_url {base_url!r} would send the key in the clear", mend=mend
        )
    return base_url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _find(environment: Mapping[str, str], variable: str, what: str) -> tuple[str, str]:
    """Return a value and the variable that it was found by."""
    value = environment.get(variable, "").strip()
    source = written = spelled(environment, variable)
    if not value and (file := environment.get(f"{variable}_FILE", "").strip()):
        source = f"{written}_FILE"
        value = _read(Path(file), source)
    if not value:
        raise ProviderError(
            f"{source} is {'an empty file' if source != written else 'not set'}",
            mend=f"put {what} into the environment as {written}, or its file as {written}_FILE",
        )
    return value, source


def _read(file: Path, variable: str) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ProviderError(f"{variable} names {str(file)!r}, which cannot be read ({said})") from error
