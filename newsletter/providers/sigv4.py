"""Signature Version 4 of AWS (AWS4-HMAC-SHA256), by docs.aws.amazon.com/IAM as of 2026.

Written by hand: it is four HMACs over a few lines, and botocore would bring 31 MB, a second HTTP library and
0.15 s of every start for them. What botocore has beyond is a search for credentials on the machine; ours come
from the environment or from files.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from urllib.parse import quote, urlsplit

from newsletter.providers.settings import Secret, read_secret

ALGORITHM = "AWS4-HMAC-SHA256"
_SESSION = "AWS_SESSION_TOKEN"
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Credentials:
    """Who calls; the token is there for those that expire."""

    key_id: Secret
    key: Secret
    token: Secret | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """List what nobody may be shown."""
        return tuple(one.reveal() for one in (self.key_id, self.key, self.token) if one is not None)


@dataclass(frozen=True)
class Scope:
    """What a signature is good for."""

    region: str
    service: str


def read_credentials(environment: Mapping[str, str]) -> Credentials:
    """Read AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if there is one, AWS_SESSION_TOKEN, or their files.

    Raises ProviderError, which names the variable and never the value.
    """
    has_token = any(environment.get(name, "").strip() for name in (_SESSION, f"{_SESSION}_FILE"))
    return Credentials(
        read_secret(environment, "AWS_ACCESS_KEY_ID"),
        read_secret(environment, "AWS_SECRET_ACCESS_KEY"),
        read_secret(environment, _SESSION) if has_token else None,
    )


def signed_headers(
    credentials: Credentials,
    scope: Scope,
    url: str,
    headers: Mapping[str, str],
    body: Iterable[bytes],
    at: datetime,
    *,
    method: str = "POST",
) -> dict[str, str]:
    """Return the headers of a call, with Host, X-Amz-Date, the token and Authorization; all are signed.

    The URL has no query, and the body goes out in exactly these bytes.
    """
    stamp = f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    sent = {**headers, "Host": _host(url), "X-Amz-Date": stamp}
    if credentials.token is not None:
        sent["X-Amz-Security-Token"] = credentials.token.reveal()
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in sent.items())
    names = ";".join(name for name, _ in lines)
    # Every service but S3 wants the path encoded once more than it is sent.
    path = quote(urlsplit(url).path or "/", safe="/-_.~")
    canonical = "\n".join(
        [method, path, "", *(f"{name}:{value}" for name, value in lines), "", names, _digest(body)]
    )
    day = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join([ALGORITHM, stamp, day, _digest([canonical.encode()])])
    signature = hmac.digest(_signing_key(credentials.key, day), to_sign.encode(), "sha256").hex()
    credential = f"{credentials.key_id.reveal()}/{day}"
    said = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": said}


def _signing_key(key: Secret, day: str) -> bytes:
    start = f"AWS4{key.reveal()}".encode()
    return reduce(lambda last, part: hmac.digest(last, part.encode(), "sha256"), day.split("/"), start)


def _digest(body: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in body:
        digest.update(part)
    return digest.hexdigest()


def _host(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    is_usual = parts.port in (None, _DEFAULT_PORTS.get(parts.scheme))
    return host if is_usual else f"{host}:{parts.port}"
