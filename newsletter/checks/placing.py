"""Which line of which file a finding in a rendered issue comes from."""

from collections.abc import Iterator, Sequence

from newsletter.checks.page import folded
from newsletter.domain.blocks import (
    Block,
    Button,
    Code,
    Heading,
    Html,
    Image,
    Paragraph,
    Question,
    Table,
    walk,
)
from newsletter.errors import Place


def place_of(about: str, blocks: Sequence[Block], otherwise: Place) -> Place:
    """Find the first block that says something, or has its address; `otherwise` where none does."""
    wanted = folded(about)
    if not wanted:
        return otherwise
    said = ((block, text) for block in walk(tuple(blocks)) for text in _texts(block))
    return next((block.place for block, text in said if wanted in folded(text)), otherwise)


def _texts(block: Block) -> Iterator[str]:
    match block:
        case Paragraph() | Heading() | Question() | Html():
            yield from (block.content.text, block.content.html)
        case Table():
            for row in (block.head, *block.rows):
                for cell in row:
                    yield from (cell.text, cell.html)
        case Button():
            yield from (block.label, block.url)
        case Image():
            yield from (block.alt, block.src, block.url)
        case Code():
            yield block.code
        case _:
            pass
