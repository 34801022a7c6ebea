"""People, their consent, and who is due for an issue."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from newsletter.errors import NewsletterError

MAX_NAME = 100
# One @, nothing that separates addresses or ends a line (RFC 5321 §4.5.3.1 for the lengths).
_PART = r"[^\s@<>(),;:\\\"\[\]\x00-\x1f\x7f-\x9f]"
_MAILABLE = re.compile(rf"{_PART}{{1,64}}@{_PART}+\.{_PART}+")
_LONGEST_ADDRESS = 254
#: In bytes of UTF-8.
_LONGEST_CHARACTER = 4
_BLOCK = 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ue000-\ue002]")


class Consent(StrEnum):
    """The state of a subscription."""

    PENDING = "pending"
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"


class Verdict(StrEnum):
    """Why a person does or does not get an issue, in order of precedence: the first that applies."""

    FORGOTTEN = "forgotten"
    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    PENDING = "pending"
    #: Not in the audience of the series.
    OUTSIDE = "outside"
    PAUSED = "paused"
    #: They confirmed after the slot; in a sequence they begin with the next one.
    JOINS_LATER = "joins_later"
    HAS_IT = "has_it"
    #: In a sequence: what they were sent last is not settled, so they get nothing more this time.
    EARLIER_OPEN = "earlier_open"
    #: In a sequence: they have had all there is, or their next issue is not approved, or it is paused.
    FINISHED = "finished"
    NOT_APPROVED = "not_approved"
    ISSUE_PAUSED = "issue_paused"
    DUE = "due"


@dataclass(frozen=True)
class Subscriber:
    """A person; `zone` is an IANA zone or empty."""

    address: str
    name: str = ""
    zone: str = ""


@dataclass(frozen=True)
class Evidence:
    """When, how and to what a person agreed; `text` is what they were told, `version` names that text.

    `ip` is empty unless the letter keeps it.
    """

    at: datetime
    how: str
    text: str
    version: str = ""
    ip: str = ""


def clean_name(name: str) -> str:
    """Make a name safe for a header: one line, no control characters, of bounded length.

    Raises NewsletterError where a line break tries to become a header.
    """
    if not name.isprintable() and re.search(r"[\r\n]", name.strip()):
        raise NewsletterError("the name has a line break in it", mend="write it on one line")
    return safe_name(name)


def safe_name(name: str) -> str:
    """Put a name on one line, whatever it holds."""
    if name.isprintable() and "  " not in name and len(name) <= MAX_NAME:
        return name.strip(" ")
    return " ".join(_CONTROL.sub(" ", name).split())[:MAX_NAME]


def is_mailable(address: str) -> bool:
    """Tell whether an address can stand in a provider call without harm to those beside it."""
    return len(address.encode("utf-8", "replace")) <= _LONGEST_ADDRESS and bool(_MAILABLE.fullmatch(address))


def are_mailable(addresses: Sequence[str]) -> bool:
    """Tell whether every one of these addresses is mailable, faster than one by one."""
    longest = max(map(len, addresses), default=0)
    if longest * _LONGEST_CHARACTER > _LONGEST_ADDRESS:
        return all(map(is_mailable, addresses))
    return all(map(_MAILABLE.fullmatch, addresses))


def address_hash(address: str, salt: bytes) -> str:
    """Name an address without keeping it; one person in any spelling of case has one hash."""
    begun = _begun(salt)
    inner, outer = begun[0].copy(), begun[1].copy()
    inner.update(address.strip().lower().encode())
    outer.update(inner.digest())
    return outer.hexdigest()[:32]


@lru_cache(maxsize=8)
def _begun(salt: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    # HMAC-SHA256 (RFC 2104), of which the salt's part is done once: a long list has a million addresses.
    key = hashlib.sha256(salt).digest() if len(salt) > _BLOCK else salt
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(_BLOCK, b"\0")) for pad in (0x36, 0x5C))
    return hashlib.sha256(inner), hashlib.sha256(outer)
