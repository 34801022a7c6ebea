"""What the public pages and the preview ask for: they know no store, no renderer and no key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from newsletter.domain.finding import Finding
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


@dataclass(frozen=True)
class PreviewEntry:
    """One issue in the list of the preview; `error` is set where it cannot be shown."""

    target: str
    series_title: str
    title: str
    subject: str
    preheader: str
    number: int
    findings: int = 0
    error: str | None = None


@dataclass(frozen=True)
class Preview:
    """One issue as a subscriber gets it.

    `html` names its pictures as `/media/<name>`; `size` is that of the HTML as it is sent, in bytes.
    """

    subject: str
    sender: str
    preheader: str
    html: str
    text: str
    size: int
    findings: Sequence[Finding] = ()


class Previews(Protocol):
    """What the preview page needs, read from the files at every call.

    Every method raises NewsletterError for what an editor has to mend; the page shows it in place.
    """

    def targets(self) -> Sequence[PreviewEntry]:
        """List every issue of every series, in order."""
        ...

    def page(self, target: str) -> Preview:
        """Render one issue; raises UnknownTarget where there is none of this name."""
        ...

    def media(self, name: str) -> Media | None:
        """Find a picture that a page names."""
        ...
