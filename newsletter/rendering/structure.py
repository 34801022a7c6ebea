"""What MJML must look like before it is compiled: mrml itself checks next to nothing, and names no line."""

import re
from bisect import bisect_right
from dataclasses import dataclass

from newsletter.domain.slugs import offer
from newsletter.errors import Place, TemplateError
from newsletter.rendering.attributes import check_attributes, check_form
from newsletter.rendering.classes import Classes
from newsletter.rendering.schema import instead_of, schema
from newsletter.rendering.sources import place_of
from newsletter.rendering.tags import Tag, tags_of
from newsletter.rendering.templates import MARK
from newsletter.rendering.tokens import holds_content

#: mrml recurses, and overflows the stack of a thread at some 500 levels.
MAX_DEPTH = 64

_TEXT_ONLY = ("mj-accordion-title", "mj-breakpoint", "mj-preview", "mj-style", "mj-title")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
#: What a `<` that opens no tag most often is.
_UNREAD = (
    ("<!doctype", "a doctype is written by itself", "leave it out"),
    ("<?", "an XML declaration is written by itself", "leave it out"),
    ("<![cdata[", "CDATA cannot be compiled", "write the text as it is, with &lt; for <"),
    ("<!--", "a comment is never closed", "write --> behind it"),
)


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
        places.append(place_of(match.group(1), int(match.group(2)), int(match.group(3))))
    return Marked("".join([*parts, expanded[start:]]), tuple(offsets), tuple(places))


def check_structure(marked: Marked) -> None:
    """Raise TemplateError at the first tag that is unknown, out of place, left open or miswritten."""
    path: list[Tag] = []
    seen: set[str] = set()
    classes = Classes()
    written_to = 0
    for tag in tags_of(marked.mjml):
        place = marked.place_at(tag.offset)
        if not tag.name:
            raise _unread(marked.mjml[tag.offset :], place)
        _check_text(marked, path, written_to, tag.offset)
        written_to = tag.end
        if tag.is_end:
            _check_end(tag, path, place, marked)
            path.pop()
            continue
        parent = path[-1].name if path else ""
        _check_place(tag, path, place, marked)
        check_form(tag, place)
        check_attributes(tag, parent, place)
        classes.note(tag, parent, place)
        if tag.name in ("mj-head", "mj-body") and tag.name in seen:
            raise TemplateError(f"there is a second <{tag.name}>", place=place, mend="write one")
        seen.add(tag.name)
        if not tag.is_whole:
            path.append(tag)
        if len(path) > MAX_DEPTH:
            raise TemplateError(f"elements are nested more than {MAX_DEPTH} deep", place=place)
    if path:
        mend = f"write </{path[-1].name}>"
        raise TemplateError(
            f"<{path[-1].name}> is never closed", place=marked.place_at(path[-1].offset), mend=mend
        )
    _check_text(marked, path, written_to, len(marked.mjml))
    if "mj-body" not in seen:
        raise TemplateError("there is no <mj-body>", place=marked.place_at(0))
    classes.check()


def _unread(source: str, place: Place) -> TemplateError:
    for beginning, what, mend in _UNREAD:
        if source[: len(beginning)].lower() == beginning:
            return TemplateError(what, place=place, mend=mend)
    mend = 'write &lt; for the sign, and every attribute as name="value"'
    return TemplateError("a < opens no tag that can be read", place=place, mend=mend)


def _check_text(marked: Marked, path: list[Tag], start: int, end: int) -> None:
    parent = path[-1].name if path else ""
    if parent not in schema().children and parent != "mj-style":
        return
    text = _COMMENT.sub("", marked.mjml[start:end]).strip()
    if parent == "mj-style":
        if "<" in text:
            place = marked.place_at(path[-1].offset)
            raise TemplateError("<mj-style> holds a tag", place=place, mend="write rules only")
    elif text:
        where = f"directly inside <{parent}>" if parent else "outside <mjml>"
        what = "content" if holds_content(text[:2]) else repr(text[:30])
        mend = "write <mj-text> around it, or <mj-raw>"
        raise TemplateError(f"{what} stands {where}", place=marked.place_at(start), mend=mend)


def _check_end(tag: Tag, path: list[Tag], place: Place, marked: Marked) -> None:
    if not path:
        raise TemplateError(f"</{tag.name}> closes nothing", place=place, mend="leave it out")
    if path[-1].name != tag.name:
        opened = marked.place_at(path[-1].offset)
        message = f"</{tag.name}> stands where <{path[-1].name}> of {opened} is open"
        raise TemplateError(message, place=place, mend=f"write </{path[-1].name}> before it")


def _check_place(tag: Tag, path: list[Tag], place: Place, marked: Marked) -> None:
    name, parent = tag.name, path[-1].name if path else ""
    children, known = schema().children, schema().known
    if (name == "mjml" or name.startswith("mj-")) and name not in known:
        mend = instead_of(name) or offer(name, sorted(known))
        raise TemplateError(f"<{name}> is not known here", place=place, mend=mend)
    if parent in children and name not in children[parent]:
        where = f"inside <{parent}>" if parent else "at the top"
        raise TemplateError(f"<{name}> cannot stand {where}", place=place, mend=_allowed(name, parent))
    if parent in _TEXT_ONLY:
        raise TemplateError(f"<{name}> cannot stand inside <{parent}>", place=place, mend="write text only")
    if name in known and parent not in children:
        opened = marked.place_at(path[-1].offset)
        message = f"<{name}> cannot stand inside the <{parent}> of {opened}"
        raise TemplateError(message, place=place, mend=f"close <{parent}> first")


def _allowed(name: str, parent: str) -> str:
    allowed = schema().children[parent]
    if not allowed:
        return f"close <{parent}> first"
    inside = [one for one, taken in schema().children.items() if name in taken and one != "mj-attributes"]
    if inside:
        return "put it inside " + " or ".join(f"<{one}>" for one in sorted(inside)[:3])
    return "write " + " or ".join(f"<{one}>" for one in sorted(allowed)[:6])
