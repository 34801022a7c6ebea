"""What MJML must look like before it is compiled: mrml itself checks next to nothing, and names no line."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.domain.slugs import offer
from newsletter.errors import Place, TemplateError
from newsletter.rendering.sources import place_of
from newsletter.rendering.templates import MARK
from newsletter.rendering.tokens import FRAGMENT

#: mrml recurses, and overflows the stack of a thread at some 500 levels.
MAX_DEPTH = 64

_CONTENT = {
    "mj-accordion",
    "mj-button",
    "mj-carousel",
    "mj-divider",
    "mj-image",
    "mj-navbar",
    "mj-raw",
    "mj-social",
    "mj-spacer",
    "mj-table",
    "mj-text",
}
_BANDS = {"mj-section", "mj-hero", "mj-raw"}
_HEAD = {"mj-attributes", "mj-breakpoint", "mj-font", "mj-preview", "mj-raw", "mj-style", "mj-title"}
#: What may stand directly inside each element that holds no HTML.
CHILDREN: dict[str, set[str]] = {
    "": {"mjml"},
    "mjml": {"mj-head", "mj-body"},
    "mj-head": _HEAD,
    "mj-body": _BANDS | {"mj-wrapper"},
    "mj-wrapper": _BANDS,
    "mj-section": {"mj-column", "mj-group", "mj-raw"},
    "mj-group": {"mj-column", "mj-raw"},
    "mj-column": _CONTENT,
    "mj-hero": _CONTENT,
    "mj-navbar": {"mj-navbar-link", "mj-raw"},
    "mj-social": {"mj-social-element", "mj-raw"},
    "mj-accordion": {"mj-accordion-element", "mj-raw"},
    "mj-accordion-element": {"mj-accordion-title", "mj-accordion-text", "mj-raw"},
    "mj-carousel": {"mj-carousel-image"},
    "mj-image": set(),
    "mj-divider": set(),
    "mj-spacer": set(),
}
_KNOWN = {"mj-all", "mj-class"}.union(CHILDREN, *CHILDREN.values()) - {""}
CHILDREN["mj-attributes"] = _KNOWN
_VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
_SCAN = re.compile(
    r"<!--.*?-->|<(?P<end>/?)(?P<name>[a-zA-Z][\w:.-]*)(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>|<",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([\w:.-]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_STYLE_END = re.compile(r"</mj-style\s*>")


@dataclass(frozen=True)
class Marked:
    """MJML as templates wrote it, and where each of its tags comes from."""

    mjml: str
    offsets: tuple[int, ...]
    places: tuple[Place, ...]

    def place_at(self, offset: int) -> Place:
        """Name the template and the line of the last tag at or before an offset."""
        index = bisect_right(self.offsets, offset) - 1
        return self.places[max(index, 0)] if self.places else place_of("layout.mjml.j2")


@dataclass(frozen=True)
class _Tag:
    name: str
    rest: str
    offset: int
    is_end: bool

    @property
    def is_whole(self) -> bool:
        return self.rest.endswith("/") or (self.name in _VOID and not self.is_end)


def unmark(expanded: str) -> Marked:
    """Take the marks out of what the templates wrote."""
    parts: list[str] = []
    offsets: list[int] = []
    places: list[Place] = []
    start = length = 0
    for match in MARK.finditer(expanded):
        parts.append(expanded[start : match.start()])
        length += match.start() - start
        start = match.end()
        offsets.append(length)
        places.append(place_of(match.group(1), int(match.group(2))))
    return Marked("".join([*parts, expanded[start:]]), tuple(offsets), tuple(places))


def check_structure(marked: Marked) -> None:
    """Raise TemplateError at the first tag that is unknown, out of place, left open or miswritten."""
    path: list[_Tag] = []
    seen: set[str] = set()
    for tag in _tags(marked):
        place = marked.place_at(tag.offset)
        if tag.is_end:
            _check_end(tag, path, place, marked)
            path.pop()
            continue
        _check_tag(tag, path[-1].name if path else "", place)
        seen.add(tag.name)
        if not tag.is_whole:
            path.append(tag)
        if len(path) > MAX_DEPTH:
            raise TemplateError(f"elements are nested more than {MAX_DEPTH} deep", place=place)
    if path:
        raise TemplateError(f"<{path[-1].name}> is never closed", place=marked.place_at(path[-1].offset))
    if "mj-body" not in seen:
        raise TemplateError("there is no <mj-body>", place=marked.place_at(0))


def _tags(marked: Marked) -> Iterator[_Tag]:
    mjml, position = marked.mjml, 0
    while match := _SCAN.search(mjml, position):
        position = match.end()
        if match.group("name"):
            yield _Tag(match["name"], match["rest"].rstrip(), match.start(), is_end=bool(match["end"]))
        elif not match.group().startswith("<!--"):
            raise TemplateError(
                "a < opens no tag that can be read",
                place=marked.place_at(match.start()),
                mend='write &lt; for the sign, and every attribute as name="value"',
            )
        if match["name"] == "mj-style" and not match["end"] and (end := _STYLE_END.search(mjml, position)):
            position = end.start()


def _check_end(tag: _Tag, path: list[_Tag], place: Place, marked: Marked) -> None:
    if not path:
        raise TemplateError(f"</{tag.name}> closes nothing", place=place)
    if path[-1].name != tag.name:
        opened = marked.place_at(path[-1].offset)
        raise TemplateError(f"</{tag.name}> stands where <{path[-1].name}> of {opened} is open", place=place)


def _check_tag(tag: _Tag, parent: str, place: Place) -> None:
    name = tag.name
    if (name == "mjml" or name.startswith("mj-")) and name not in _KNOWN:
        raise TemplateError(f"<{name}> is not known here", place=place, mend=offer(name, _KNOWN))
    if parent in CHILDREN and name not in CHILDREN[parent]:
        inside = f"inside <{parent}>" if parent else "at the top"
        raise TemplateError(f"<{name}> cannot stand {inside}", place=place, mend=_allowed(parent))
    if name in _KNOWN and parent not in CHILDREN:
        raise TemplateError(f"<{name}> cannot stand inside <{parent}>", place=place)
    if name in _VOID and name != name.lower():
        raise TemplateError(f"<{name}> must be written in lower case", place=place)
    _check_attributes(tag, place)


def _check_attributes(tag: _Tag, place: Place) -> None:
    if unread := _ATTRIBUTE.sub("", tag.rest).strip(" \t\n/"):
        mend = 'write name="value"'
        raise TemplateError(
            f"an attribute of <{tag.name}> cannot be read: {unread!r}", place=place, mend=mend
        )
    names = [name for name, _ in _ATTRIBUTE.findall(tag.rest)]
    if twice := {name for name in names if names.count(name) > 1}:
        raise TemplateError(f"<{tag.name}> has {min(twice)!r} twice", place=place)
    if FRAGMENT in tag.rest:
        raise TemplateError("markup stands in an attribute", place=place, mend="write its .text there")
    if tag.name in ("mj-image", "img") and "alt" not in names:
        raise TemplateError(f"<{tag.name}> has no alt", place=place, mend='write alt="" for a decoration')
    if tag.name == "mj-style" and "inline" in names:
        raise TemplateError(
            "mj-style cannot be inlined", place=place, mend="write the rules into inline.css.j2"
        )
    if re.search(r"mj-class\s*=\s*[\"']\s*\S+\s+\S", tag.rest):
        raise TemplateError(
            "two classes in one mj-class: their order is not reliable", place=place, mend="use one"
        )


def _allowed(parent: str) -> str:
    allowed = sorted(CHILDREN[parent])
    return (
        "write " + " or ".join(f"<{name}>" for name in allowed[:6]) if allowed else f"close <{parent}> first"
    )
