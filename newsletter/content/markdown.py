"""Markdown to blocks. CommonMark with tables; what is ours beyond it:

## Lower back {#lower-back}                    a heading that pins its id
> [!NOTE]                                      a quote that is a callout
[Book a session](https://…){.button}           a paragraph of nothing but buttons
![alt](images/x.jpg)                           a paragraph of nothing but pictures
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.attrs import attrs_plugin

from newsletter.content.inline import plain_text, raw_inline, render_inline
from newsletter.content.sanitising import is_safe_link
from newsletter.domain.blocks import (
    Block,
    BulletedList,
    Button,
    Callout,
    Code,
    Divider,
    Html,
    Image,
    Inline,
    NumberedList,
    Paragraph,
    Quote,
    Table,
)
from newsletter.domain.pieces import fence_written
from newsletter.domain.slugs import offer
from newsletter.errors import LetterError, Place

TONES = ("NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION")
#: Lists and quotes inside each other take one or two levels each; the parser drops what is deeper.
MAX_NESTING = 40

_CALLOUT = re.compile(r"\[!([A-Za-z]+)\][ \t]*(?:\n|$)")
_BREAKS = ("softbreak", "hardbreak")


@dataclass(frozen=True)
class FoundHeading:
    """A heading that starts a section; `pin` is the id that its author wrote."""

    content: Inline
    level: int
    pin: str | None
    place: Place


def read_markdown(text: str, *, file: str, above: int = 0) -> list[Block | FoundHeading]:
    """Read a text that stands `above` lines below the top of its file.

    Raises LetterError for nesting beyond reason, a picture inside a line, an unknown callout.
    """
    tokens = _PARSER.parse(text)
    too_deep = next((token for token in tokens if token.level >= MAX_NESTING - 1 and token.map), None)
    if too_deep is not None:
        line = above + (too_deep.map or [0])[0] + 1
        raise LetterError(
            "lists and quotes are nested too deeply", place=Place(file, line), mend="use fewer levels"
        )
    return _Reader(tokens, file, above).read()


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802, ARG002
        # Dangerous targets are dropped later, so that their label is kept and no brackets are shown.
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        # An encoded placeholder would slip past the check that looks for unresolved ones.
        return super().normalizeLink(url).replace("%7B%7B", "{{").replace("%7D%7D", "}}")


def _parser() -> MarkdownIt:
    parser = _Markdown("commonmark", {"maxNesting": MAX_NESTING}).enable("table")
    parser.use(attrs_plugin, after=("link_close",), allowed=("class",))
    parser.core.ruler.before("inline", "marks", _take_marks)
    return parser


def _take_marks(state: StateCore) -> None:
    """Move pins and the words of callouts from the text to the tokens' meta."""
    tokens = state.tokens
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            tokens[at + 1].content, token.meta["pin"] = _without_pin(tokens[at + 1].content)
        elif token.type == "blockquote_open" and tokens[at + 1].type == "paragraph_open":
            paragraph, inline = tokens[at + 1], tokens[at + 2]
            if tone := _CALLOUT.match(inline.content):
                token.meta["tone"] = tone.group(1)
                inline.content = inline.content[tone.end() :]
                first, last = paragraph.map or [0, 0]
                paragraph.map = [first + 1, last]


def _without_pin(heading: str) -> tuple[str, str | None]:
    # By hand: a search by pattern takes the square of a long run of spaces.
    heading = heading.rstrip()
    text, mark, pin = heading.rpartition("{#")
    if not mark or not pin.endswith("}") or "}" in pin[:-1] or "\n" in pin or text.endswith(("\\", "{")):
        return heading, None
    return text.rstrip(), pin[:-1]


_PARSER = _parser()


class _Reader:
    def __init__(self, tokens: Sequence[Token], file: str, above: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._file = file
        self._above = above
        self._readers: dict[str, Callable[[Token], Sequence[Block]]] = {
            "paragraph_open": self._paragraph,
            "heading_open": self._inner_heading,
            "bullet_list_open": lambda token: [
                BulletedList(self._items("bullet_list_close"), self._place(token))
            ],
            "ordered_list_open": self._numbered_list,
            "table_open": self._table,
            "blockquote_open": self._quote,
            "hr": lambda token: [Divider(self._place(token))],
            "fence": lambda token: [Code(token.content.removesuffix("\n"), self._place(token))],
            "code_block": lambda token: [Code(token.content.removesuffix("\n"), self._place(token))],
            "html_block": self._html,
        }

    def read(self) -> list[Block | FoundHeading]:
        found: list[Block | FoundHeading] = []
        while self._at < len(self._tokens):
            token = self._next()
            if token.type == "heading_open":
                found.append(self._heading(token))
            else:
                found.extend(self._readers[token.type](token))
        return found

    def _blocks(self, end: str) -> tuple[Block, ...]:
        found: list[Block] = []
        while (token := self._next()).type != end:
            found.extend(self._readers[token.type](token))
        return tuple(found)

    def _heading(self, token: Token) -> FoundHeading:
        place = self._place(token)
        content = render_inline(self._inline(), place)
        return FoundHeading(content, int(token.tag[1:]), token.meta.get("pin"), place)

    def _inner_heading(self, token: Token) -> Sequence[Block]:
        # Inside a list or a quote a heading cannot start a section.
        heading = self._heading(token)
        strong = Inline(f"<strong>{heading.content.html}</strong>", heading.content.text)
        return [Paragraph(strong, heading.place)]

    def _paragraph(self, token: Token) -> Sequence[Block]:
        place = self._place(token)
        children = self._inline()
        seen = [
            child
            for child in children
            if child.type not in _BREAKS and (child.type != "text" or child.content.strip())
        ]
        if not seen:
            return []
        if all(child.type == "image" for child in seen):
            return [self._image(child, place) for child in seen]
        return _buttons(seen, place) or [Paragraph(render_inline(children, place), place)]

    def _image(self, token: Token, place: Place) -> Image:
        return Image(str(token.attrGet("src") or ""), plain_text(token.children or [], place), place)

    def _numbered_list(self, token: Token) -> Sequence[Block]:
        start = token.attrGet("start")
        items = self._items("ordered_list_close")
        return [NumberedList(items, self._place(token), 1 if start is None else int(start))]

    def _items(self, end: str) -> tuple[tuple[Block, ...], ...]:
        items = []
        while self._next().type != end:
            items.append(self._blocks("list_item_close"))
        return tuple(items)

    def _quote(self, token: Token) -> Sequence[Block]:
        place = self._place(token)
        blocks = self._blocks("blockquote_close")
        written = token.meta.get("tone")
        if written is None:
            return [Quote(blocks, place)] if blocks else []
        if written.upper() not in TONES:
            raise LetterError(f"unknown callout {written!r}", place=place, mend=offer(written.upper(), TONES))
        return [Callout(written.lower(), blocks, place)]

    def _table(self, token: Token) -> Sequence[Block]:
        place = self._place(token)
        rows: list[tuple[Inline, ...]] = []
        cells: list[Inline] = []
        alignments: list[str] = []
        line = place
        while (inner := self._next()).type != "table_close":
            if inner.type == "tr_open":
                cells, line = [], self._place(inner)
            elif inner.type in ("th_open", "td_open"):
                if inner.type == "th_open":
                    alignments.append(str(inner.attrGet("style") or "left").removeprefix("text-align:"))
                cells.append(render_inline(self._inline(), line))
            elif inner.type == "tr_close":
                rows.append(tuple(cells))
        return [Table(rows[0], tuple(rows[1:]), tuple(alignments), place)]

    def _html(self, token: Token) -> Sequence[Block]:
        place = self._place(token)
        content = raw_inline(token.content, place)
        return [Html(content, place)] if content.text or "<hr" in content.html else []

    def _inline(self) -> Sequence[Token]:
        children = self._next().children or []
        self._next()
        return children

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _place(self, token: Token) -> Place:
        return Place(self._file, self._above + (token.map or [0])[0] + 1)


def _buttons(children: Sequence[Token], place: Place) -> list[Block]:
    """Read a paragraph that holds nothing but links of the class `button`; none where it holds more."""
    buttons: list[Block] = []
    at = 0
    while at < len(children):
        opening = children[at]
        end = next((here for here in range(at, len(children)) if children[here].type == "link_close"), None)
        url = str(opening.attrGet("href") or "")
        is_button = opening.type == "link_open" and "button" in str(opening.attrGet("class") or "").split()
        if end is None or not is_button or not is_safe_link(url):
            return []
        buttons.append(Button(fence_written(plain_text(children[at + 1 : end], place)), url, place))
        at = end + 1
    return buttons
