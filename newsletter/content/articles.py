"""An article's text to its sections, with ids that survive a renamed heading."""

import re
from collections.abc import Sequence
from itertools import pairwise

from newsletter.content.front_matter import split_front_matter
from newsletter.content.markdown import FoundHeading, read_markdown
from newsletter.domain.article import INTRODUCTION, Article, Section
from newsletter.domain.blocks import Block
from newsletter.domain.pieces import plain, split, strip_fences
from newsletter.domain.slugs import is_slug, slugify
from newsletter.errors import LetterError, Place

_Item = Block | FoundHeading
# Control characters but tab and line break, of ASCII and of Latin-1; none of them belongs in a text.
_CONTROLS = dict.fromkeys((*range(1, 9), *range(11, 32), *range(127, 160)))


def parse_article(text: str, *, slug: str, file: str) -> Article:
    """Read an article; places are lines of `file`, front matter included.

    Raises LetterError with the place of what cannot be used.
    """
    source = clean_source(text, file)
    front, body = split_front_matter(source, file)
    items = read_markdown(body, file=file, above=front.lines)
    sections = _sections(_without_title(items, front.title), slug)
    _refuse_duplicates(sections)
    return Article(
        slug=slug,
        title=front.title,
        sections=sections,
        place=Place(file, 1),
        description=front.description,
        updated=front.updated,
        sources=front.sources,
        tags=front.tags,
        acknowledge=front.acknowledge,
    )


def clean_source(text: str, file: str) -> str:
    """Return a text with plain line ends and without what no text brings along: a BOM, controls, fences.

    Raises LetterError for a NUL, which no text file has.
    """
    plain_ends = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    nul = plain_ends.find("\0")
    if nul >= 0:
        line = plain_ends[:nul].count("\n") + 1
        raise LetterError(
            "the file has a NUL byte in it", place=Place(file, line), mend="save it as UTF-8 text"
        )
    return clean_line(plain_ends)


def clean_line(text: str) -> str:
    """Remove the characters that no text brings along."""
    return strip_fences(text).translate(_CONTROLS)


def _without_title(items: list[_Item], title: str) -> list[_Item]:
    """Drop a first heading that repeats the article's title and would hold all of it."""
    tops = [item for item in items if isinstance(item, FoundHeading) and item.level == 1]
    if len(tops) != 1 or items[0] is not tops[0] or tops[0].pin is not None:
        return items
    return items[1:] if tops[0].content.text.strip().casefold() == title.casefold() else items


def _sections(items: Sequence[_Item], article: str) -> tuple[Section, ...]:
    first = next((at for at, item in enumerate(items) if isinstance(item, FoundHeading)), len(items))
    blocks = _blocks(items[:first])
    nested = _nested(items[first:], article)
    if not blocks:
        return nested
    introduction = Section(INTRODUCTION, article, None, 0, blocks, (), blocks[0].place)
    return (introduction, *nested)


def _nested(items: Sequence[_Item], article: str) -> tuple[Section, ...]:
    """Build sections from items that begin with a heading."""
    sections = []
    starts = _starts(items)
    for start, end in pairwise([*starts, len(items)]):
        heading = items[start]
        assert isinstance(heading, FoundHeading)
        inner = items[start + 1 : end]
        deeper = next((at for at, item in enumerate(inner) if isinstance(item, FoundHeading)), len(inner))
        sections.append(
            Section(
                id=_id(heading),
                article=article,
                heading=heading.content,
                level=heading.level,
                blocks=_blocks(inner[:deeper]),
                sections=_nested(inner[deeper:], article),
                place=heading.place,
                pinned=heading.pin is not None,
            )
        )
    return tuple(sections)


def _starts(items: Sequence[_Item]) -> list[int]:
    """Find the headings that no earlier one of these holds."""
    starts = []
    level = 7
    for at, item in enumerate(items):
        if isinstance(item, FoundHeading) and item.level <= level:
            starts.append(at)
            level = item.level
    return starts


def _blocks(items: Sequence[_Item]) -> tuple[Block, ...]:
    return tuple(item for item in items if not isinstance(item, FoundHeading))


def _id(heading: FoundHeading) -> str:
    if heading.pin is None:
        return slugify(re.sub(r" <[^<> ]+>", "", plain(split(heading.content.text))))
    if not is_slug(heading.pin):
        raise LetterError(
            f"the id {heading.pin!r} cannot be used",
            place=heading.place,
            mend=f"write {{#{slugify(heading.pin)}}}",
        )
    return heading.pin


def _refuse_duplicates(sections: Sequence[Section]) -> None:
    seen: dict[str, Section] = {}
    for section in (inner for top in sections for inner in top.walk()):
        first = seen.setdefault(section.id, section)
        if first is not section:
            lines = f"{first.place.line} and {section.place.line}"
            raise LetterError(
                f"two sections have the id {section.id!r}, at lines {lines}",
                place=section.place,
                mend="give one of them an id of its own, such as {#" + section.id + "-2}",
            )
