"""Names for files, sections and issues that survive a URL and a file system."""

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

from anyascii import anyascii

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def slugify(text: str, *, fallback: str = "section") -> str:
    """Turn a heading or a file name into an id of lower-case words joined by hyphens.

    Only a text without any Latin letter is written in Latin ones first: `Боль 2` becomes `bol-2`.
    """
    folded = _fold(text)
    if not re.search(r"[a-z]", folded) and any(char.isalpha() for char in text):
        # Small letters first: a capital then begins an ideograph or a syllable, and so a word.
        folded = _fold(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", anyascii(text.lower())))
    words = re.findall(r"[a-z0-9]+", re.sub(r"['`]", "", folded))
    return "-".join(words) or fallback


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()


def is_slug(text: str) -> bool:
    """Tell whether a text can be used as an id."""
    return SLUG.fullmatch(text) is not None


def words_of(text: str) -> frozenset[str]:
    """Return the set of folded words of a text, to match a name against a heading."""
    return frozenset(slugify(text, fallback="").split("-")) - {""}


def offer(name: str, names: Iterable[str], *, otherwise: str = "") -> str:
    """Word the mend of a name that does not exist: the nearest ones, `otherwise`, or a few that do."""
    known = list(names)
    near = get_close_matches(name, known, 3, 0.5)
    if near:
        return "did you mean " + " or ".join(repr(one) for one in near) + "?"
    if otherwise:
        return otherwise
    more = f" and {len(known) - 8} more" if len(known) > 8 else ""
    return f"there are {', '.join(known[:8])}{more}" if known else "there are none yet"
