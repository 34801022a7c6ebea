"""What the public pages ask for: they know no store, no renderer and no key."""

from dataclasses import dataclass
from typing import Protocol

from newsletter.domain.revision import Media

#: What `/u/{probe}` answers, to the letter: a host that serves some page for every path never says this.
PROBE_ANSWER = "newsletter answers here"


@dataclass(frozen=True)
class Subscription:
    """What a person may see of their consent to one series; `language` is that of both names."""

    series_title: str
    letter_name: str
    language: str
    is_active: bool
    #: How many others they have.
    others: int = 0
    #: The token that brings them back, for an hour after they left.
    undo: str = ""
    #: The token with which to see what is sent to them.
    choose: str = ""


class PublicDesk(Protocol):
    """What the public pages need. A token that is not ours, changed or cut short is None, never an error."""

    def look_up(self, token: str) -> Subscription | None:
        """Read whose subscription a token speaks of; changes nothing."""
        ...

    def unsubscribe(self, token: str, how: str) -> Subscription | None:
        """End the subscription of a token, durably before it returns; again is the same.

        `how` is `one_click` (the mail client, RFC 8058) or `page` (the button).
        """
        ...

    def leave_all(self, token: str) -> Subscription | None:
        """End every subscription of the person whom a token speaks of."""
        ...

    def undo(self, token: str) -> Subscription | None:
        """Take back what was ended together; None where its hour is over, or it was done before."""
        ...

    def issue_page(self, token: str) -> str | None:
        """Return the HTML of an issue, to show online."""
        ...

    def media(self, name: str) -> Media | None:
        """Find a picture of a revision."""
        ...

    def probe(self, token: str) -> bool:
        """Tell whether a token is a probe signed with the keys of this database."""
        ...
