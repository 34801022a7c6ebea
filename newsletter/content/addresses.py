"""Addresses as email-validator has them; a plain one takes one pattern and one look-up."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email
from email_validator.rfc_constants import ATEXT, CASE_INSENSITIVE_MAILBOX_NAMES

from newsletter.errors import NewsletterError

_PLAIN = re.compile(rf"([{ATEXT}]+(?:\.[{ATEXT}]+)*)@([a-zA-Z0-9.-]+)")
_LONGEST_LOCAL, _LONGEST = 64, 254
_ROLES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)


def normalised(address: str) -> str:
    """Return an address as it is kept; raises NewsletterError for one that cannot be mailed."""
    text = address.strip()
    plain = _PLAIN.fullmatch(text)
    if plain and len(text) <= _LONGEST and plain.end(1) <= _LONGEST_LOCAL:
        local, domain = plain.groups()
        if known := _domain(domain):
            return f"{local.lower() if local.lower() in _ROLES else local}@{known}"
    if not text.strip():
        raise NewsletterError("there is no address")
    if "\n" in text or "\r" in text:
        raise NewsletterError(f"{text[:80]!r} is no address: it has a line break in it")
    try:
        # Longer than any address it is no use to look for its other faults, which takes long.
        return validate_email(text[: 2 * _LONGEST], check_deliverability=False, strict=True).normalized
    except EmailNotValidError as error:
        raise NewsletterError(f"{_shown(text)} is no address: {_lower(str(error))}") from error


@lru_cache(maxsize=50_000)
def _domain(domain: str) -> str | None:
    """Return a domain as it is kept; None for one that is wrong, or needs a look at the whole address."""
    if "xn--" in domain.lower():
        return None
    try:
        return validate_email(f"a@{domain}", check_deliverability=False).normalized.removeprefix("a@")
    except EmailNotValidError:
        return None


def _shown(text: str) -> str:
    return repr(text) if len(text) <= _LONGEST else f"{text[:80]!r}…"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")
