"""An article and its sections."""

from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.domain.blocks import (
    Block,
    Button,
    Code,
    Heading,
    Html,
    Inline,
    Paragraph,
    Question,
    Table,
    walk,
)
from newsletter.domain.finding import Acknowledgement
from newsletter.errors import Place

#: The id of the text that stands before the first heading.
INTRODUCTION = "introduction"
WORDS_PER_MINUTE = 220
#: Of Latin and most other scripts, of Arabic ones, of Chinese and Japanese.
_QUESTION_MARKS = ("?", "\u061f", "\uff1f")


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it, deeper headings included.

    `blocks` are those before the first deeper heading; `level` is the heading's own, 0 for the introduction.
    `pinned` tells that the author wrote the id; `key` is `article#id`.
    """

    id: str
    article: str
    heading: Inline | None
    level: int
    blocks: tuple[Block, ...]
    sections: "tuple[Section, ...]"
    place: Place
    pinned: bool = False

    @property
    def key(self) -> str:
        return f"{self.article}#{self.id}"

    @property
    def title(self) -> str:
        return self.heading.text if self.heading else "Introduction"

    @property
    def is_question(self) -> bool:
        return self.title.rstrip().endswith(_QUESTION_MARKS)

    def walk(self) -> "Iterator[Section]":
        """Yield this section and every deeper one, in reading order."""
        yield self
        for section in self.sections:
            yield from section.walk()

    def as_blocks(self, level: int = 2) -> tuple[Block, ...]:
        """Flatten to blocks for an email, its heading at `level`; a question takes its answer in."""
        inner = self.blocks + tuple(
            block for section in self.sections for block in section.as_blocks(min(level + 1, 4))
        )
        if self.heading is None:
            return inner
        if self.is_question:
            return (Question(self.heading, level, inner, self.place),)
        return (Heading(self.heading, level, self.place), *inner)

    @property
    def words(self) -> int:
        """Count the words a reader sees, headings included."""
        return count_words(self.as_blocks())


@dataclass(frozen=True)
class Article:
    """A source text with front matter, in `content/articles/<slug>.md`."""

    slug: str
    title: str
    sections: tuple[Section, ...]
    place: Place
    description: str = ""
    updated: str = ""
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    acknowledge: tuple[Acknowledgement, ...] = ()

    def walk(self) -> Iterator[Section]:
        """Yield every section, deeper ones after the one that holds them."""
        for section in self.sections:
            yield from section.walk()

    def section(self, section_id: str) -> Section | None:
        """Find a section by its id at any depth."""
        return next((section for section in self.walk() if section.id == section_id), None)


def count_words(blocks: tuple[Block, ...]) -> int:
    """Count the words of blocks, as the text part shows them."""
    return sum(len(text.split()) for block in walk(blocks) for text in _texts(block))


def reading_minutes(words: int) -> int:
    """Return the whole minutes that reading so many words takes, at least one."""
    return max(1, round(words / WORDS_PER_MINUTE))


def _texts(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        for row in (block.head, *block.rows):
            yield from (cell.text for cell in row)
    elif isinstance(block, Button):
        yield block.label
    elif isinstance(block, Code):
        yield block.code
    elif isinstance(block, Paragraph | Heading | Question | Html):
        yield block.content.text
