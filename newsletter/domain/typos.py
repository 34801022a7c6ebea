"""The domain that somebody meant who slipped on the keys."""

from functools import lru_cache

_COMMON = (
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "hotmail.com", "hotmail.co.uk", "outlook.com",
    "icloud.com", "protonmail.com", "btinternet.com", "comcast.net", "verizon.net", "t-online.de",
    "orange.fr", "libero.it",
)  # fmt: skip
#: Mail is had under these, although they are a slip away from another.
_THEMSELVES = frozenset({"ymail.com", "email.com", "mail.com", "gmail.de", "outlook.co", "protonmail.ch"})


@lru_cache(maxsize=50_000)
def meant_domain(domain: str) -> str | None:
    """Return the common domain that is one slip away: a letter too many, too few, other or exchanged."""
    typed = domain.lower()
    if typed in _COMMON or typed in _THEMSELVES:
        return None
    return next((common for common in _COMMON if _is_slip(typed, common)), None)


def _is_slip(typed: str, meant: str) -> bool:
    if abs(len(typed) - len(meant)) > 1:
        return False
    while typed and meant and typed[0] == meant[0]:
        typed, meant = typed[1:], meant[1:]
    while typed and meant and typed[-1] == meant[-1]:
        typed, meant = typed[:-1], meant[:-1]
    is_exchanged = len(typed) == 2 and typed == meant[::-1]
    return is_exchanged or (len(typed) <= 1 and len(meant) <= 1)
