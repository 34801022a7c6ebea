"""Raw HTML that an author wrote: what is kept of it, and how it reads as text."""

import re
from html.parser import HTMLParser

import nh3

_BLOCKS = {"blockquote", "dd", "div", "dl", "dt", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "ul"}
_TABLES = {"caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
_RUNS = {"a", "abbr", "b", "br", "cite", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s", "small"}
TAGS = _BLOCKS | _TABLES | _RUNS | {"span", "strong", "sub", "sup", "u"}
ATTRIBUTES = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
}
SCHEMES = nh3.ALLOWED_URL_SCHEMES
#: Elements nested deeper than this are refused: the sanitiser's time grows with the square of the depth.
MAX_DEPTH = 60

_LINES = _BLOCKS | {"br", "caption", "table", "tr"}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*>")
# These have no end, or one that authors may leave out.
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_UNCOUNTED = _VOID | {"p", "li", "dt", "dd", "td", "th", "tr", "option"}


def sanitise(fragment: str) -> str:
    """Keep what is harmless in an email: no script, no style, no picture, no link of a dangerous kind."""
    return nh3.clean(fragment, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel=None)


def is_too_deep(fragment: str) -> bool:
    """Tell whether elements are nested deeper than any text needs."""
    depth = 0
    for end, name in _TAG.findall(fragment):
        if name.lower() not in _UNCOUNTED:
            depth = max(0, depth - 1) if end else depth + 1
        if depth > MAX_DEPTH:
            return True
    return False


def is_safe_link(url: str) -> bool:
    """Tell whether a link target is relative or of a kind that does no harm."""
    scheme = re.match(
        r"([a-zA-Z][a-zA-Z0-9+.-]*):", re.sub(r"[\x00-\x20\x7f]|%0[0-9a-f]|%20", "", url, flags=re.I)
    )
    return scheme is None or scheme.group(1).lower() in SCHEMES


def link_text(label: str, url: str) -> str:
    """Write a link as text: `label <url>`, or the one of them that says both."""
    if not label.strip() or label == url:
        return url
    return label if url == f"mailto:{label}" else f"{label} <{url}>"


def text_of(fragment: str) -> str:
    """Read sanitised HTML as plain text, links as `label <url>`."""
    reader = _TextReader()
    reader.feed(fragment)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.texts).split("\n")]
    return "\n".join(line for line in lines if line)


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break(tag)
        if tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.texts)))

    def handle_endtag(self, tag: str) -> None:
        self._break(tag)
        if tag == "a" and self._links:
            url, start = self._links.pop()
            label = "".join(self.texts[start:])
            self.texts[start:] = [link_text(label, url) if url else label]

    def handle_data(self, data: str) -> None:
        self.texts.append(data.replace("\n", " "))

    def _break(self, tag: str) -> None:
        if tag in _LINES:
            self.texts.append("\n")
        elif tag in ("td", "th"):
            self.texts.append(" ")
