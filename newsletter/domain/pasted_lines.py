"""Lines of a text that was pasted without markup, and what each of them can be. Where in doubt it is text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_HEADING = 80
#: A line of at least this length that ends like a sentence is a paragraph of its own.
MIN_WRAPPED = 40
#: A line of at least this length goes on in one that begins with a small letter.
MIN_BROKEN = 25
#: More headings than this one upon the other are a list of short lines.
MAX_STACKED = 2
#: Lines that were broken by a width are no longer than this.
_MAX_WIDTH = 100
_MARKS = r"•‣▪▫◦·●○■□►✓✔*–—-"
NUMBERED = re.compile(r"(\d{1,2})[.)]\s+(\S.*)")
BULLET = re.compile(rf"[{_MARKS}]\s+(\S.*)")
_TABBED_MARK = re.compile(rf"^([o{_MARKS}]|\d{{1,2}}[.)])\t\s*")
# Word's bullets, in the private use area, and characters of no width.
_ODD = {0xF0B7: "•", 0xF0A7: "•", 0xF0FC: "•", **dict.fromkeys((0x200B, 0x2060, 0xFEFF, 0x00AD))}
_CLOSED = (".”", '."', ".)", "!”", "?”", '!"', '?"', ".’", "!)", "?)")
_ENDS = (".", "!", ":", ";", ",", "…", *_CLOSED)
_WORD = r"[A-Z][\w'’/-]*"
_JOINING = r"(?:of|and|for|the|in|to|with|on|at|or|&)"
# A first column in Title Case, then a cell: its first word has a capital, the next one has none and is no
# verb that would make the first column its subject.
_CELL = rf"({_WORD}\s+(?!(?:is|are|was|were|has|have|had|can|will|may|must|does|do)\b)[a-z(].*)"
_ROWS = (
    re.compile(rf"({_WORD}(?:\s+{_WORD}){{0,4}})\s+{_CELL}"),
    re.compile(rf"({_WORD}(?:\s+(?:{_JOINING}\s+){{0,2}}{_WORD}){{0,4}})\s+{_CELL}"),
)
_MAX_ROW = 200
_MIN_ROWS = 2


@dataclass(frozen=True)
class Line:
    """A line that is not blank; tabs part the cells of a table."""

    number: int
    text: str
    blanks_before: int


def read_lines(text: str) -> list[Line]:
    """Read the lines that are not blank, with their white space made plain."""
    found: list[Line] = []
    blanks = 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = _normal(raw.translate(_ODD))
        if line:
            found.append(Line(number, line, blanks))
        blanks = 0 if line else blanks + 1
    return found


def _normal(raw: str) -> str:
    """Normalise white space: tabs part the cells of a table, every other is one blank."""
    bare = _TABBED_MARK.sub(lambda mark: ("•" if mark[1] == "o" else mark[1]) + " ", raw.strip())
    if "\t" not in bare:
        return " ".join(bare.split())
    cells = [" ".join(cell.split()) for cell in raw.strip(" \r\n").split("\t")] if bare == raw.strip() else []
    return "\t".join(cells or [" ".join(cell.split()) for cell in bare.split("\t")])


def _looks_like_heading(text: str) -> bool:
    if len(text) > MAX_HEADING or "\t" in text or text.endswith(_ENDS) or BULLET.fullmatch(text):
        return False
    words = text.split()
    if text.endswith("?"):
        return len(words) >= 3 and text[:1].isupper()
    return len(words) <= 12 and (text[:1].isupper() or (text[:1].isdigit() and len(words) >= 3))


def is_heading(lines: Sequence[Line], at: int) -> bool:
    """Tell whether a line stands over text: short, without a full stop, apart from what is before it."""
    line = lines[at]
    if not _looks_like_heading(line.text) or NUMBERED.fullmatch(line.text) or at + 1 == len(lines):
        return False
    if _is_broken(line, lines[at + 1]):
        return False
    before = lines[at - 1] if at else None
    apart = line.blanks_before > 0 or before is None or before.text.endswith((*_ENDS, "?"))
    return apart and _stacked(lines, at) <= MAX_STACKED and _is_text(lines, at + 1)


def _is_broken(line: Line, below: Line) -> bool:
    """Tell whether a line is a sentence that goes on below, as in a text that was broken by its width."""
    if not goes_on(line, below) or len(below.text) > _MAX_WIDTH:
        return False
    small = sum(word[:1].islower() for word in line.text.split() if len(word) > 3)
    large = sum(word[:1].isupper() for word in line.text.split() if len(word) > 3)
    return below.text[:1].islower() or small > large


def _stacked(lines: Sequence[Line], at: int) -> int:
    """Count the lines around one that stand apart, could all be headings, and have no text between them."""
    if not lines[at].blanks_before or lines[at].text.isupper():
        return 1
    first, end = at, at + 1
    while first and lines[first - 1].blanks_before and _looks_like_heading(lines[first - 1].text):
        first -= 1
        if end - first > MAX_STACKED:
            break
    while end < len(lines) and lines[end].blanks_before and _looks_like_heading(lines[end].text):
        if NUMBERED.fullmatch(lines[end].text) or table_at(lines, end):
            break
        end += 1
        if end - first > MAX_STACKED:
            break
    return end - first


def is_numbered_heading(lines: Sequence[Line], at: int, text: str) -> bool:
    """Tell whether `1. Something` stands over a paragraph of its own, rather than being a step."""
    if not _looks_like_heading(text) or at + 1 == len(lines):
        return False
    below = lines[at + 1].text
    return not NUMBERED.fullmatch(below) and len(below) > MIN_WRAPPED and below.endswith((*_ENDS, "?"))


def _is_text(lines: Sequence[Line], at: int) -> bool:
    below = lines[at]
    if NUMBERED.fullmatch(below.text) or BULLET.fullmatch(below.text) or below.text.endswith((*_ENDS, "?")):
        return True
    if len(below.text) > MAX_HEADING or table_at(lines, at):
        return True
    if at + 1 < len(lines) and lines[at + 1].text[:1].islower() and goes_on(below, lines[at + 1]):
        return True
    # A heading may stand right over another one that has text.
    return below.blanks_before > 0 and at + 1 < len(lines) and lines[at + 1].text.endswith((*_ENDS, "?"))


def goes_on(line: Line, below: Line) -> bool:
    """Tell whether a line was broken by its width, so that the next one belongs to the same paragraph."""
    if below.blanks_before or "\t" in below.text:
        return False
    if NUMBERED.fullmatch(below.text) or BULLET.fullmatch(below.text):
        return False
    if line.text.endswith((".", "!", "?", ":", "…", *_CLOSED)):
        return False
    return len(line.text) >= (MIN_BROKEN if below.text[:1].islower() else MIN_WRAPPED)


def table_at(lines: Sequence[Line], at: int) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a table that begins at a line, its head first; none where no table begins."""
    return _tabbed(lines, at) or _run_together(lines, at)


def _tabbed(lines: Sequence[Line], at: int) -> tuple[tuple[str, ...], ...]:
    rows: list[tuple[str, ...]] = []
    for here in range(at, len(lines)):
        line = lines[here]
        cells = tuple(cell.strip() for cell in line.text.split("\t"))
        if len(cells) < 2 or sum(map(bool, cells)) < (2 if not rows else 1) or (rows and line.blanks_before):
            break
        rows.append(cells)
    return tuple(rows) if len(rows) >= _MIN_ROWS else ()


def _run_together(lines: Sequence[Line], at: int) -> tuple[tuple[str, ...], ...]:
    """Read a two-column table whose rows were pasted as one line each: a header of two words, then rows."""
    header = lines[at].text.split()
    if len(header) != 2 or not all(word.istitle() for word in header):
        return ()
    rows: list[tuple[str, str]] = []
    for here in range(at + 1, len(lines)):
        line = lines[here]
        found = next((row for pattern in _ROWS if (row := pattern.fullmatch(line.text))), None)
        if found is None or line.blanks_before or len(line.text) > _MAX_ROW:
            break
        rows.append((found.group(1), found.group(2)))
    return ((header[0], header[1]), *rows) if len(rows) >= _MIN_ROWS else ()
