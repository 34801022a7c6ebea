"""Tokens in links: opaque, one key per purpose, keys rotate, no address in any URL.

    v1.<key id>.<purpose>.<payload>.<expiry>.<mac>

The payload is base64url of numbers that are ours alone; the expiry is a Unix second, 0 for never;
the mac is HMAC-SHA256 cut to 128 bits over all before it. RFC 8058 §3.1 asks for a hard-to-forge part.
"""

import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_PAYLOAD = struct.Struct(">IQIq")
_MAC_BYTES = 16
#: A token is shorter than this; anything longer is not looked at.
MAX_LENGTH = 200


class Purpose(StrEnum):
    """What a token allows; each has a key of its own."""

    UNSUBSCRIBE = "u"
    VIEW = "w"
    MESSAGE_ID = "m"
    PROBE = "p"


@dataclass(frozen=True)
class Key:
    """A secret of at least 32 bytes with the id that tokens carry."""

    id: str
    secret: bytes


@dataclass(frozen=True)
class Grant:
    """What a token speaks of: a subscription, and the delivery whose mail carried it."""

    series_id: int
    subscriber_id: int
    issue_id: int = 0
    occasion: int = 0


class TokenKeys:
    """Sign with the first key, verify with any."""

    def __init__(self, keys: Sequence[Key]) -> None:
        if not keys:
            raise ValueError("at least one key is needed")
        self._current = keys[0].id
        self._derived = {
            (key.id, purpose): _derive(key.secret, purpose) for key in keys for purpose in Purpose
        }

    @property
    def current(self) -> str:
        """Return the id of the key that signs."""
        return self._current

    def sign(
        self,
        purpose: Purpose,
        grant: Grant,
        *,
        expires: datetime | None = None,
        key_id: str | None = None,
    ) -> str:
        """Make a token; `key_id` repeats one made earlier. Unsubscribe tokens never expire."""
        key = self._usable(key_id, purpose)
        until = int(expires.timestamp()) if expires else 0
        signed = f"v1.{key}.{purpose}.{_pack(grant)}.{until}"
        return f"{signed}.{self._mac(key, purpose, signed)}"

    def mark(self, purpose: Purpose, grant: Grant, key_id: str | None = None) -> str:
        """Make a short name for a grant that nobody else can guess, and that grants nothing."""
        return self._mac(self._usable(key_id, purpose), purpose, _pack(grant))

    def verify(self, purpose: Purpose, token: str, now: datetime) -> Grant | None:
        """Read a token; None if it is not ours, of another purpose, changed or expired."""
        parts = token.split(".") if len(token) <= MAX_LENGTH and token.isascii() else []
        if len(parts) != 6 or parts[0] != "v1" or parts[2] != purpose:
            return None
        key_id, payload, until, mac = parts[1], parts[3], parts[4], parts[5]
        if (key_id, purpose) not in self._derived:
            return None
        expected = self._mac(key_id, purpose, token.rpartition(".")[0])
        if not hmac.compare_digest(mac, expected):
            return None
        if until != "0" and int(until) < now.timestamp():
            return None
        return Grant(*_PAYLOAD.unpack(urlsafe_b64decode(payload)))

    def _usable(self, key_id: str | None, purpose: Purpose) -> str:
        # A key that was taken out of use is replaced rather than missed: the mail must still go out.
        return key_id if key_id is not None and (key_id, purpose) in self._derived else self._current

    def _mac(self, key_id: str, purpose: Purpose, signed: str) -> str:
        digest = hmac.digest(self._derived[key_id, purpose], signed.encode(), "sha256")
        return _encode(digest[:_MAC_BYTES])


def _derive(secret: bytes, purpose: Purpose) -> bytes:
    # HKDF (RFC 5869), one block: extract with a fixed salt, expand with the purpose.
    extracted = hmac.digest(b"newsletter tokens v1", secret, hashlib.sha256)
    return hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)


def _pack(grant: Grant) -> str:
    return _encode(_PAYLOAD.pack(grant.series_id, grant.subscriber_id, grant.issue_id, grant.occasion))


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
