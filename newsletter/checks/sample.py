"""An issue as somebody would get it, for the checks that need more than to read it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from newsletter.checks.page import Seen
from newsletter.checks.placing import place_of
from newsletter.domain.blocks import Block
from newsletter.domain.finding import Finding
from newsletter.domain.letter import Publication
from newsletter.domain.pieces import fill
from newsletter.domain.revision import Media, Revision
from newsletter.errors import Place

#: What stands in the fields of a sample; its links lead nowhere.
VALUES = {
    "name": "Zoë Ångström",
    "address": "reader@example.org",
    "unsubscribe_url": "https://sample.example.org/u/sample",
    "view_url": "https://sample.example.org/w/sample",
    "preferences_url": "https://sample.example.org/p/sample",
}


@dataclass(frozen=True)
class Sample:
    """A rendered issue, where it comes from, and the mail that somebody would get.

    `place` is that of the issue in its series file; `mail` is empty where an error kept it from being built;
    `known` names the rules that have spoken of it.
    """

    target: str
    place: Place
    revision: Revision
    publication: Publication
    blocks: tuple[Block, ...] = ()
    media: tuple[Media, ...] = ()
    mail: bytes = b""
    known: frozenset[str] = frozenset()

    @property
    def html(self) -> str:
        """Read the HTML as that person gets it."""
        return fill(self.revision.html, VALUES, escape)

    @property
    def name(self) -> str:
        """Name the issue as a file can be named."""
        return self.target.replace("/", "-")

    def found(self, seen: Seen) -> Finding:
        """Report what was seen, at the line of the block that it is about."""
        place = place_of(seen.about, self.blocks, self.place)
        return seen.rule.found(place, seen.what, target=self.target, mend=seen.mend)


#: A check that takes every chosen issue at once, because it starts a program or asks the network.
Inspection = Callable[[Sequence[Sample]], Iterable[Finding]]
