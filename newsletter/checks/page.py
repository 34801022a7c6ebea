"""A rendered issue as checks look at it, and what they say of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from newsletter.checks.rules import Rule
from newsletter.domain.letter import Publication
from newsletter.domain.pieces import Field, Pieces, fence, plain
from newsletter.domain.revision import Media, Revision

_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


class Seen(NamedTuple):
    """A rule that was broken, what was found, a mend where the rule's own says too little.

    `about` is the text or the address that the finding is about, to find the line where it was written.
    """

    rule: Rule
    what: str
    mend: str = ""
    about: str = ""


Sightings = Iterator[Seen]


@dataclass(frozen=True)
class Page:
    """A revision with its HTML parsed once; fields stand fenced in `html` and `text`."""

    revision: Revision
    publication: Publication
    media: tuple[Media, ...] = ()

    @cached_property
    def html(self) -> str:
        return _fenced(self.revision.html)

    @cached_property
    def text(self) -> str:
        return _fenced(self.revision.text)

    @cached_property
    def plain_text(self) -> str:
        """Read the text part as a person without a name would."""
        return plain(self.revision.text)

    @cached_property
    def tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self.html)

    @cached_property
    def visible(self) -> str:
        """Read what the HTML shows, hidden text left out."""
        tree = LexborHTMLParser(plain(self.revision.html))
        for node in tree.css("style, script, title"):
            node.decompose()
        for node in tree.css("[style]"):
            if is_hidden(node):
                node.decompose()
        return folded(tree.body.text(separator=" ")) if tree.body else ""

    @cached_property
    def styles(self) -> list[str]:
        """List the style sheets and the inline styles."""
        sheets = [node.text() for node in self.tree.css("style")]
        return sheets + [style_of(node) for node in self.tree.css("[style]")]


def style_of(node: LexborNode) -> str:
    """Return a node's inline style, or nothing."""
    return node.attributes.get("style") or ""


def declared(node: LexborNode, name: str) -> str:
    """Return what a node's inline style declares last for a property, or nothing."""
    found = re.findall(rf"(?:^|;)\s*{name}\s*:\s*([^;]+)", style_of(node), re.IGNORECASE)
    return found[-1].strip() if found else ""


def is_hidden(node: LexborNode) -> bool:
    """Tell whether a node's own style hides it."""
    return _HIDDEN.search(style_of(node)) is not None


def above(node: LexborNode) -> Iterator[LexborNode]:
    """Yield the nodes that hold a node, the nearest first."""
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def folded(text: str) -> str:
    """Fold white space to single spaces."""
    return " ".join(text.split())


def _fenced(pieces: Pieces) -> str:
    return "".join(fence(piece) if isinstance(piece, Field) else piece for piece in pieces)
