"""Is the place there that a link names inside a page of others: an element with that id, or an `<a name>`."""

from dataclasses import dataclass
from urllib.parse import unquote, urldefrag

from selectolax.lexbor import LexborHTMLParser

from newsletter.checks.fetching import Reply
from newsletter.checks.page import Seen
from newsletter.checks.rules import error, info

_SOURCE = "HTML Standard, scrolling to a fragment"
MISSING = error(
    "link-anchor-missing",
    "LNK-11",
    "with `--links`: a link names a place in a page (`#name`), and nothing in the page has that id",
    "readers land at the top of the page and must look for it themselves",
    "link to an id that the page has, or to the page without `#`",
    _SOURCE,
)
UNVERIFIED = info(
    "link-anchor-unverified",
    "LNK-11",
    "with `--links`: the same, but the page has scripts, which may make the place",
    "if they do not, readers land at the top of the page",
    "open it in a browser, and see whether it goes there",
    _SOURCE,
)

_HTML = frozenset({"text/html", "application/xhtml+xml"})
#: The route of an application that draws its pages by script, and of some that are older.
_ROUTES = ("/", "!")
_TEXT = ":~:"


@dataclass(frozen=True)
class Anchors:
    """The places of a page that can be linked to, and whether scripts may make more."""

    names: frozenset[str]
    has_script: bool


def fragment_of(url: str) -> str:
    """Return the place that an address names in its page; nothing where it is no id to look for."""
    fragment = urldefrag(url)[1]
    if fragment.startswith(_ROUTES) or _TEXT in fragment or fragment.casefold() == "top":
        return ""
    return fragment


def is_page(reply: Reply) -> bool:
    """Tell whether an address ends at an HTML page, and at no place in it that a redirect chose."""
    return reply.status in range(200, 300) and reply.content_type in _HTML and not urldefrag(reply.url)[1]


def anchors_of(reply: Reply) -> Anchors | None:
    """List the places of a page; None where it was not read whole, or is not UTF-8."""
    if reply.body is None or not is_page(reply):
        return None
    try:
        tree = LexborHTMLParser(reply.body.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    ids = {node.attributes.get("id") or "" for node in tree.css("[id]")}
    names = {node.attributes.get("name") or "" for node in tree.css("a[name]")}
    return Anchors(frozenset(ids | names), tree.css_first("script") is not None)


def judge_fragment(url: str, anchors: Anchors | None) -> Seen | None:
    """Say whether the place that an address names is missing from its page."""
    fragment = fragment_of(url)
    if not fragment or anchors is None or anchors.names & {fragment, unquote(fragment)}:
        return None
    rule = UNVERIFIED if anchors.has_script else MISSING
    return Seen(rule, f"{urldefrag(url)[0][:80]} has no {fragment[:40]!r}", about=url)
