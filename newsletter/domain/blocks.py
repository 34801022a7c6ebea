"""What an article is made of. Each kind of block has one MJML partial and one text twin of its own name."""

from dataclasses import dataclass
from typing import ClassVar

from newsletter.errors import Place


@dataclass(frozen=True)
class Inline:
    """A run of text in its two forms; fields stand in both as `pieces.fence` writes them.

    `html` is a sanitised fragment; `text` is one line, with `\\n` only where the author broke it,
    and a link as `label <url>`.
    """

    html: str
    text: str


@dataclass(frozen=True)
class Paragraph:
    kind: ClassVar[str] = "paragraph"
    content: Inline
    place: Place


@dataclass(frozen=True)
class BulletedList:
    kind: ClassVar[str] = "bulleted_list"
    items: "tuple[tuple[Block, ...], ...]"
    place: Place


@dataclass(frozen=True)
class NumberedList:
    kind: ClassVar[str] = "numbered_list"
    items: "tuple[tuple[Block, ...], ...]"
    place: Place
    start: int = 1


@dataclass(frozen=True)
class Table:
    """Rows of cells; `alignments` has "left", "center" or "right" for each column."""

    kind: ClassVar[str] = "table"
    head: tuple[Inline, ...]
    rows: tuple[tuple[Inline, ...], ...]
    alignments: tuple[str, ...]
    place: Place


@dataclass(frozen=True)
class Quote:
    kind: ClassVar[str] = "quote"
    blocks: "tuple[Block, ...]"
    place: Place


@dataclass(frozen=True)
class Divider:
    kind: ClassVar[str] = "divider"
    place: Place


@dataclass(frozen=True)
class Image:
    """A picture of the letter; `src` is as written, `url` where a frozen copy is served, sizes in pixels."""

    kind: ClassVar[str] = "image"
    src: str
    alt: str
    place: Place
    url: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Callout:
    """A boxed remark; `tone` is the word of `> [!NOTE]` in lower case."""

    kind: ClassVar[str] = "callout"
    tone: str
    blocks: "tuple[Block, ...]"
    place: Place


@dataclass(frozen=True)
class Button:
    kind: ClassVar[str] = "button"
    label: str
    url: str
    place: Place


@dataclass(frozen=True)
class Code:
    kind: ClassVar[str] = "code"
    code: str
    place: Place


@dataclass(frozen=True)
class Html:
    """Sanitised HTML that an author wrote as a block of its own, and its text."""

    kind: ClassVar[str] = "html"
    content: Inline
    place: Place


@dataclass(frozen=True)
class Heading:
    """The heading of a section inside an email; levels start at 2 and never jump."""

    kind: ClassVar[str] = "heading"
    content: Inline
    level: int
    place: Place


@dataclass(frozen=True)
class Question:
    """A heading that ends in a question mark, with its answer."""

    kind: ClassVar[str] = "question"
    content: Inline
    level: int
    blocks: "tuple[Block, ...]"
    place: Place


Block = (
    Paragraph
    | BulletedList
    | NumberedList
    | Table
    | Quote
    | Divider
    | Image
    | Callout
    | Button
    | Code
    | Html
    | Heading
    | Question
)

BLOCK_KINDS: tuple[type[Block], ...] = (
    Paragraph,
    BulletedList,
    NumberedList,
    Table,
    Quote,
    Divider,
    Image,
    Callout,
    Button,
    Code,
    Html,
    Heading,
    Question,
)


def children(block: Block) -> "tuple[Block, ...]":
    """Return the blocks directly inside a block."""
    if isinstance(block, Quote | Callout | Question):
        return block.blocks
    if isinstance(block, BulletedList | NumberedList):
        return tuple(inner for item in block.items for inner in item)
    return ()


def walk(blocks: "tuple[Block, ...]") -> "list[Block]":
    """List blocks and everything inside them, in reading order."""
    found: list[Block] = []
    for block in blocks:
        found.append(block)
        found.extend(walk(children(block)))
    return found
