"""What somebody has received elsewhere, as a list of people says it."""

import re
from collections.abc import Sequence

from newsletter.domain.slugs import offer
from newsletter.errors import NewsletterError

#: The reason that a delivery has which nobody here made.
ELSEWHERE = "received elsewhere"
#: Before an issue id: it, and all before it.
UP_TO = ".."


def received(text: str, issues: Sequence[str]) -> frozenset[str]:
    """Read issue ids with spaces or commas between them; `..neck` means that issue and all before it.

    Raises NewsletterError for an id that none of the series' `issues` has.
    """
    found: set[str] = set()
    for word in re.findall(r"[^\s,]+", text):
        name = word.removeprefix(UP_TO)
        if name not in issues:
            raise NewsletterError(f"there is no issue {name!r} to have received", mend=offer(name, issues))
        end = issues.index(name)
        found.update(issues[: end + 1] if word.startswith(UP_TO) else [name])
    return frozenset(found)
