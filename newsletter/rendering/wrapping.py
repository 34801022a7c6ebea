"""Plain text that is read in a fixed width: paragraphs, hanging indents, aligned columns."""

import re
import unicodedata
from collections.abc import Sequence

from newsletter.domain.blocks import Inline

WIDTH = 76
# A fenced field is one word: a line break inside it would be lost or shown.
_WORD = re.compile("(?:\ue000[^\ue002]*\ue002|\\S)+")
_FENCE = re.compile("\ue000[^\ue001]*\ue001([^\ue002]*)\ue002")
_NARROWEST = 12


def wrap(text: str | Inline, width: int = WIDTH) -> str:
    """Break lines at spaces only, so that an address is never broken; an author's own breaks stay."""
    written = text.text if isinstance(text, Inline) else text
    return "\n".join(_wrapped(line, width) for line in written.split("\n"))


def hang(text: str, first: str, rest: str | None = None) -> str:
    """Put `first` before the first line and as much space, or `rest`, before every other."""
    indent = " " * len(first) if rest is None else rest
    lines = text.strip("\n").split("\n")
    return "\n".join((f"{indent if number else first}{line}").rstrip() for number, line in enumerate(lines))


def underline(text: str | Inline, mark: str, width: int = WIDTH) -> str:
    """Write a heading with a line under it, as long as its longest line."""
    lines = wrap(text, width)
    return f"{lines}\n{mark * min(width, max(map(columns_of, lines.split(chr(10)))))}"


def columns(
    head: Sequence[Inline], rows: Sequence[Sequence[Inline]], alignments: Sequence[str], width: int = WIDTH
) -> str:
    """Draw a table with aligned columns; cells too long for the width are wrapped within their column."""
    cells = [[cell.text.replace("\n", " ") for cell in row] for row in (head, *rows)]
    widths = _fit([max(columns_of(row[i]) for row in cells) for i in range(len(head))], width)
    lines = [_row(row, widths, alignments) for row in cells]
    rule = "  ".join("-" * size for size in widths)
    tall = any("\n" in line for line in lines[1:])
    return f"{lines[0]}\n{rule}\n" + ("\n\n" if tall else "\n").join(lines[1:])


def columns_of(text: str) -> int:
    """Count the columns that a terminal needs for a line; a field counts as its fallback."""
    plain = _FENCE.sub(r"\1", text) if "\ue000" in text else text
    if plain.isascii():
        return len(plain)
    return sum(_columns(char) for char in plain)


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _wrapped(line: str, width: int) -> str:
    lines: list[str] = []
    current, used = "", 0
    for word in _WORD.findall(line):
        size = columns_of(word)
        if current and used + 1 + size > width:
            lines.append(current)
            current, used = word, size
        else:
            used += size + (1 if current else 0)
            current = f"{current} {word}" if current else word
    return "\n".join([*lines, current])


def _fit(wanted: list[int], width: int) -> list[int]:
    # Shrink the widest columns first, until all of them and two spaces between each fit.
    widths = [max(1, size) for size in wanted]
    room = max(width - 2 * (len(widths) - 1), len(widths))
    while sum(widths) > room and max(widths) > _NARROWEST:
        widest = widths.index(max(widths))
        others = sorted(widths)[-2] if len(widths) > 1 else 0
        spare = sum(widths) - room
        widths[widest] = max(_NARROWEST, widths[widest] - max(1, min(spare, widths[widest] - others)))
    return widths


def _row(cells: Sequence[str], widths: Sequence[int], alignments: Sequence[str]) -> str:
    wrapped = [wrap(cell, size).split("\n") for cell, size in zip(cells, widths, strict=True)]
    lines = []
    for number in range(max(map(len, wrapped))):
        parts = [cell[number] if number < len(cell) else "" for cell in wrapped]
        padded = (_padded(*part) for part in zip(parts, widths, alignments, strict=True))
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _padded(text: str, width: int, alignment: str) -> str:
    spare = max(0, width - columns_of(text))
    if alignment == "right":
        return " " * spare + text
    if alignment == "center":
        return " " * (spare // 2) + text + " " * (spare - spare // 2)
    return text + " " * spare
