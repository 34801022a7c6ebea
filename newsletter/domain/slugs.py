"""Names for files, sections and issues that survive a URL and a file system."""

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def slugify(text: str, *, fallback: str = "section") -> str:
    """Turn a heading or a file name into an id of lower-case words joined by hyphens."""
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", re.sub(r"['`]", "", folded))
    return "-".join(words) or fallback


def is_slug(text: str) -> bool:
    """Tell whether a text can be used as an id."""
    return SLUG.fullmatch(text) is not None


def words_of(text: str) -> frozenset[str]:
    """Return the set of folded words of a text, to match a name against a heading."""
    return frozenset(slugify(text, fallback="").split("-")) - {""}


def offer(name: str, names: Iterable[str]) -> str:
    """Word the mend of a name that does not exist: the nearest ones, or a few that do."""

    known = list(names)
    near = get_close_matches(name, known, 3, 0.5)
    if near:
        return "did you mean " + " or ".join(repr(one) for one in near) + "?"
    return "there are " + ", ".join(known[:8]) if known else "there are none yet"
