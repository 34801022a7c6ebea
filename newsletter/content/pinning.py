"""Write derived ids into an article, so that a renamed heading keeps its own."""

import re

from newsletter.content.articles import clean_line
from newsletter.domain.article import Article

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_ATX = re.compile(r"[ 	]*#{1,6}(?=[ 	]|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)$")
# The last line of an underlined heading may be a mark that means a list or a table once text follows it.
_BARE_MARK = re.compile(r"\s*(?:[*+-]|\d{1,9}[.)]|#{1,6}|\|)")


def pin_ids(text: str, article: Article) -> str:
    """Add ` {#id}` to every heading that has none and change nothing else, byte for byte."""
    lines = _LINE.findall(text)
    for section in article.walk():
        if section.heading is None or section.pinned:
            continue
        end = _end_of_heading(lines, section.place.line - 1)
        if end is None:
            continue
        at, column = end
        lines[at] = f"{lines[at][:column]} {{#{section.id}}}{lines[at][column:]}"
    return "".join(lines)


def _end_of_heading(lines: list[str], start: int) -> tuple[int, int] | None:
    """Find line and column where a heading's own text ends; None where an id would make it something else."""
    written = clean_line(lines[start].rstrip("\r\n"))
    if marks := _ATX.match(written):
        length = marks.end() + _length_without_closing(written[marks.end() :])
        return start, _column(lines[start], length)
    underlined = (
        at for at in range(start + 1, len(lines)) if _UNDERLINE.match(clean_line(lines[at]).rstrip())
    )
    last = next(underlined) - 1
    text = clean_line(lines[last]).rstrip()
    return None if _BARE_MARK.fullmatch(text) else (last, _column(lines[last], len(text)))


def _length_without_closing(text: str) -> int:
    # A heading may close with hashes after a space; an id behind them would turn them into text.
    stripped = text.rstrip()
    opened = stripped.rstrip("#")
    if opened != stripped and opened[-1:] in (" ", "\t"):
        return len(opened.rstrip())
    return len(stripped)


def _column(line: str, length: int) -> int:
    """Find the column in a line as written that `length` characters of the line as read reach."""
    if clean_line(line) == line:
        return length
    kept = [column for column, char in enumerate(line) if clean_line(char)]
    return kept[length - 1] + 1 if length else 0
