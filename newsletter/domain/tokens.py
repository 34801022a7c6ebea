"""Tokens in links: opaque, one key per purpose, keys rotate, no address in any URL.

    v1.<key id>.<purpose>.<payload>.<expiry>.<mac>

The payload is base64url of numbers that are ours alone; the expiry is a Unix second, 0 for never;
the mac is HMAC-SHA256 cut to 128 bits over all before it. RFC 8058 §3.1 asks for a hard-to-forge part.
"""

import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import starmap
from typing import NamedTuple

#: 24 bytes, which base64 writes without padding.
_PAYLOAD = struct.Struct(">IQIq")
_MAC_BYTES = 16
_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
#: A token is shorter than this; anything longer is not looked at.
MAX_LENGTH = 200


class Purpose(StrEnum):
    """What a token allows; each has a key of its own."""

    UNSUBSCRIBE = "u"
    VIEW = "w"
    MESSAGE_ID = "m"
    PROBE = "p"
    CONFIRM = "c"
    #: To come back within an hour of leaving.
    UNDO = "b"
    #: That a form was shown, and when.
    FORM = "f"
    #: What is sent to a person: whoever has a mail of theirs may pause it.
    CHOOSE = "s"
    #: Who they are: only by a link that was mailed to them just now.
    DETAILS = "d"
    #: To take another address.
    MOVE = "a"


@dataclass(frozen=True)
class Key:
    """A secret of at least 32 bytes with the id that tokens carry."""

    id: str
    secret: bytes


class Grant(NamedTuple):
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
        self._keys = tuple(keys)
        self._current = keys[0].id
        self._macs = {
            (key.id, purpose): _Mac(_derive(key.secret, purpose)) for key in keys for purpose in Purpose
        }

    def __reduce__(self) -> tuple[type["TokenKeys"], tuple[tuple[Key, ...]]]:
        """Let another process of this program sign, too."""
        return TokenKeys, (self._keys,)

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
        until = int(expires.timestamp()) if expires else 0
        return self.sign_each(purpose, pack([grant]), key_id=key_id, until=until)[0]

    def sign_each(
        self,
        purpose: Purpose,
        payloads: Sequence[str],
        *,
        key_id: str | None = None,
        until: int = 0,
        before: str = "",
    ) -> list[str]:
        """Make a token of each of many packed grants, with text before it.

        `until` is a Unix second, 0 for never.
        """
        key = self._usable(key_id, purpose)
        signed = [f"v1.{key}.{purpose}.{payload}.{until}" for payload in payloads]
        macs = self._macs[key, purpose].each(map(str.encode, signed))
        return [f"{before}{one}.{mac}" for one, mac in zip(signed, macs, strict=True)]

    def mark_each(self, purpose: Purpose, payloads: Sequence[str], key_id: str | None = None) -> list[str]:
        """Make for each packed grant a short name that nobody else can guess, and that grants nothing."""
        return self._macs[self._usable(key_id, purpose), purpose].each(map(str.encode, payloads))

    def verify(self, purpose: Purpose, token: str, now: datetime) -> Grant | None:
        """Read a token; None if it is not ours, of another purpose, changed or expired."""
        parts = token.split(".") if len(token) <= MAX_LENGTH and token.isascii() else []
        if len(parts) != 6 or parts[0] != "v1" or parts[2] != purpose:
            return None
        key_id, payload, until, mac = parts[1], parts[3], parts[4], parts[5]
        if (key_id, purpose) not in self._macs:
            return None
        [expected] = self._macs[key_id, purpose].each([token.rpartition(".")[0].encode()])
        if not hmac.compare_digest(mac, expected):
            return None
        if until != "0" and int(until) < now.timestamp():
            return None
        return Grant(*_PAYLOAD.unpack(urlsafe_b64decode(payload)))

    def _usable(self, key_id: str | None, purpose: Purpose) -> str:
        # A key that was taken out of use is replaced rather than missed: the mail must still go out.
        return key_id if key_id is not None and (key_id, purpose) in self._macs else self._current


class _Mac:
    """HMAC-SHA256 (RFC 2104) under one key, whose blocks are hashed once and not for every message."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def each(self, messages: Iterable[bytes]) -> list[str]:
        """Return the code of each message, cut to 128 bits and in base64url."""
        codes = []
        for message in messages:
            inner, outer = self._inner.copy(), self._outer.copy()
            inner.update(message)
            outer.update(inner.digest())
            codes.append(outer.digest()[:_MAC_BYTES])
        # All at once: with two bytes more, every code begins a group of base64 and is cut from it.
        written = urlsafe_b64encode(b"\0\0".join([*codes, b""])).decode()
        return [written[start : start + 22] for start in range(0, 24 * len(codes), 24)]


def _derive(secret: bytes, purpose: Purpose) -> bytes:
    # HKDF (RFC 5869), one block: extract with a fixed salt, expand with the purpose.
    extracted = hmac.digest(b"newsletter tokens v1", secret, hashlib.sha256)
    return hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)


def pack(grants: Iterable[tuple[int, int, int, int]]) -> list[str]:
    """Write grants as tokens carry them."""
    # All at once, and then cut: every payload is as long as the others.
    packed = urlsafe_b64encode(b"".join(starmap(_PAYLOAD.pack, grants))).decode()
    return [packed[start : start + 32] for start in range(0, len(packed), 32)]
