"""How AWS reads a signature of Version 4: written from its description, apart from what signs for us."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from newsletter.testing.fake_http import Received

#: How far the clocks may be apart.
TOLERANCE = timedelta(minutes=5)
_SHAPE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)"
    r"/aws4_request, ?SignedHeaders=(?P<names>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_MUST_BE_SIGNED = ("host", "x-amz-date")

#: The type and the message of an error.
Refusal = tuple[str, str]


@dataclass(frozen=True)
class Keys:
    """The credentials of an account; with a token they are temporary."""

    key_id: str = "AKIAREHEARSAL"
    secret: str = "rehearsal"  # noqa: S105 - anybody may know it
    token: str = ""


def refusal(request: Received, keys: Keys, region: str | None, now: datetime) -> Refusal | None:
    """Say why a request is not taken for the account's own; None if it is."""
    said = _SHAPE.fullmatch(request.headers.get("authorization", ""))
    if said is None:
        return "MissingAuthenticationTokenException", "Missing Authentication Token"
    if said["key"] != keys.key_id or request.headers.get("x-amz-security-token", "") != keys.token:
        return "UnrecognizedClientException", "The security token included in the request is invalid."
    names = said["names"].split(";")
    must = [*_MUST_BE_SIGNED, *(["x-amz-security-token"] if keys.token else [])]
    if said["service"] != "ses" or region not in (None, said["region"]) or not set(must) <= set(names):
        return "InvalidSignatureException", "Credential should be scoped to a valid region and service 'ses'."
    stamp = request.headers.get("x-amz-date", "")
    if not _is_recent(stamp, now) or not stamp.startswith(said["day"]):
        return (
            "InvalidSignatureException",
            f"Signature expired: {stamp} is now earlier than {now:%Y%m%dT%H%M%SZ}",
        )
    canonical = _canonical(request, names)
    if not hmac.compare_digest(_signature(keys.secret, said, stamp, canonical), said["signature"]):
        words = "The request signature we calculated does not match the signature you provided."
        return "InvalidSignatureException", f"{words} The Canonical String for this request was '{canonical}'"
    return None


def _is_recent(stamp: str, now: datetime) -> bool:
    try:
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - at) <= TOLERANCE


def _canonical(request: Received, names: list[str]) -> str:
    path, _, query = request.path.partition("?")
    # The path is encoded once more than it was sent.
    lines = [request.method, path.replace("%", "%25"), query]
    lines += [f"{name}:{re.sub(' +', ' ', request.headers.get(name, '').strip())}" for name in names]
    return "\n".join([*lines, "", ";".join(names), hashlib.sha256(request.body).hexdigest()])


def _signature(secret: str, said: re.Match[str], stamp: str, canonical: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in (said["day"], said["region"], said["service"], "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    scope = f"{said['day']}/{said['region']}/{said['service']}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
