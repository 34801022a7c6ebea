"""Find the shape of a text that was pasted without markup: title, headings, table, steps, page furniture.

Every line that is not blank ends up in a part or is left out. Where in doubt a line stays text: a heading
that is none, or a sentence that is lost, is worse than a heading that an editor adds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from newsletter.domain.furniture import furniture

MAX_HEADING = 80
#: A line of at least this length that ends like a sentence is a paragraph of its own.
MIN_WRAPPED = 40
_NUMBERED = re.compile(r"(\d{1,2})[.)]\s+(\S.*)")
_BULLET = re.compile(r"[•‣▪◦·*–-]\s+(\S.*)")
_ENDS = (".", "!", ":", ";", ",", "…", ".”", '."', ".)")
# A first column in Title Case, then a cell: its first word has a capital, the next one has none.
_ROW = re.compile(r"((?:[A-Z][\w'’-]*\s+){1,5})([A-Z][\w'’-]*\s+[a-z(].*)")


class Kind(StrEnum):
    """What a part of a text is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    STEPS = "steps"
    BULLETS = "bullets"
    TABLE = "table"


@dataclass(frozen=True)
class Note:
    """A guess, with the line it was made at."""

    line: int
    what: str


@dataclass(frozen=True)
class LeftOut:
    """A line that is no part of the article, and why."""

    line: int
    text: str
    why: str


@dataclass(frozen=True)
class Part:
    """A heading (`level` 2 or 3), a paragraph, a list or a table; `rows` are cells, or one text each."""

    kind: Kind
    line: int
    rows: tuple[tuple[str, ...], ...]
    level: int = 0

    @property
    def text(self) -> str:
        return " ".join(" ".join(row) for row in self.rows)


@dataclass(frozen=True)
class Outline:
    """The shape of a text."""

    title: str
    parts: tuple[Part, ...]
    guesses: tuple[Note, ...]
    left_out: tuple[LeftOut, ...]
    possible_sections: tuple[int, ...]


@dataclass(frozen=True)
class _Line:
    number: int
    text: str
    blanks_before: int


@dataclass
class _Reader:
    lines: Sequence[_Line]
    parts: list[Part] = field(default_factory=list)
    guesses: list[Note] = field(default_factory=list)

    def read(self) -> None:
        at = 0
        while at < len(self.lines):
            at = self._table(at) or self._heading(at) or self._list(at) or self._paragraph(at)

    def _table(self, at: int) -> int:
        rows = _tabbed(self.lines, at) or _run_together(self.lines, at)
        if not rows:
            return 0
        self._add(Kind.TABLE, at, rows)
        self._guess(at, f"a table of {len(rows) - 1} rows and {len(rows[0])} columns")
        return at + len(rows)

    def _heading(self, at: int) -> int:
        text, level = self.lines[at].text, 2
        numbered = _NUMBERED.fullmatch(text)
        if numbered:
            if not _is_numbered_heading(self.lines, at, numbered.group(2)):
                return 0
            text, level = numbered.group(2), 3
        elif not _is_heading(self.lines, at):
            return 0
        self._add(Kind.HEADING, at, ((text,),), level)
        self._guess(at, f"{'a question' if text.endswith('?') else 'a heading'}: {text}")
        return at + 1

    def _list(self, at: int) -> int:
        for kind, pattern in ((Kind.STEPS, _NUMBERED), (Kind.BULLETS, _BULLET)):
            end, rows = at, []
            while end < len(self.lines) and (found := pattern.fullmatch(self.lines[end].text)):
                if end > at and kind is Kind.STEPS and _is_numbered_heading(self.lines, end, found.group(2)):
                    break
                rows.append((found.group(found.lastindex or 1),))
                end += 1
            if rows:
                self._add(kind, at, tuple(rows))
                self._guess(at, f"{len(rows)} {'steps' if kind is Kind.STEPS else 'points'}")
                return end
        return 0

    def _paragraph(self, at: int) -> int:
        end = at + 1
        while end < len(self.lines) and _goes_on(self.lines[end - 1], self.lines[end]):
            if _is_heading(self.lines, end):
                break
            end += 1
        self._add(Kind.PARAGRAPH, at, tuple((line.text,) for line in self.lines[at:end]))
        return end

    def _add(self, kind: Kind, at: int, rows: tuple[tuple[str, ...], ...], level: int = 0) -> None:
        self.parts.append(Part(kind, self.lines[at].number, rows, level))

    def _guess(self, at: int, what: str) -> None:
        self.guesses.append(Note(self.lines[at].number, what))


def outline(text: str) -> Outline:
    """Find the shape of a text; its lines are counted from 1."""
    lines = _lines(text)
    left = furniture([(line.number, line.text) for line in lines])
    kept = [line for line in lines if line.number not in left]
    title, body = (kept[0].text, kept[1:]) if kept else ("", [])
    reader = _Reader(body)
    reader.read()
    starts = {part.line: part.kind for part in reader.parts}
    possible = tuple(
        line.number
        for line in body[1:]
        if line.blanks_before >= 2 and starts.get(line.number) is Kind.PARAGRAPH
    )
    guesses = [Note(kept[0].number, f"the title: {title}")] if kept else []
    left_out = tuple(
        LeftOut(line.number, line.text, left[line.number]) for line in lines if line.number in left
    )
    return Outline(title, tuple(reader.parts), (*guesses, *reader.guesses), left_out, possible)


def _lines(text: str) -> list[_Line]:
    found: list[_Line] = []
    blanks = 0
    for number, raw in enumerate(text.split("\n"), 1):
        # Tabs part the cells of a table; every other white space is one blank.
        line = "\t".join(" ".join(cell.split()) for cell in raw.strip().split("\t"))
        if line:
            found.append(_Line(number, line, blanks))
        blanks = 0 if line else blanks + 1
    return found


def _looks_like_heading(text: str) -> bool:
    if len(text) > MAX_HEADING or "\t" in text or text.endswith(_ENDS) or _BULLET.fullmatch(text):
        return False
    words = text.split()
    if text.endswith("?"):
        return len(words) >= 3 and text[:1].isupper()
    return 1 <= len(words) <= 12 and (text[:1].isupper() or text[:1].isdigit())


def _is_heading(lines: Sequence[_Line], at: int) -> bool:
    """Tell whether a line stands over text: short, without a full stop, apart from what is before it."""
    line = lines[at]
    if not _looks_like_heading(line.text) or _NUMBERED.fullmatch(line.text) or at + 1 == len(lines):
        return False
    before = lines[at - 1] if at else None
    apart = line.blanks_before > 0 or before is None or before.text.endswith((*_ENDS, "?"))
    return apart and _is_text(lines, at + 1)


def _is_numbered_heading(lines: Sequence[_Line], at: int, text: str) -> bool:
    """Tell whether `1. Something` stands over a paragraph of its own, rather than being a step."""
    if not _looks_like_heading(text) or at + 1 == len(lines):
        return False
    below = lines[at + 1].text
    return not _NUMBERED.fullmatch(below) and len(below) > MIN_WRAPPED and below.endswith((*_ENDS, "?"))


def _is_text(lines: Sequence[_Line], at: int) -> bool:
    below = lines[at]
    if _NUMBERED.fullmatch(below.text) or _BULLET.fullmatch(below.text) or below.text.endswith((*_ENDS, "?")):
        return True
    if len(below.text) > MAX_HEADING or _tabbed(lines, at) or _run_together(lines, at):
        return True
    # A heading may stand right over another one that has text.
    return below.blanks_before > 0 and at + 1 < len(lines) and lines[at + 1].text.endswith((*_ENDS, "?"))


def _goes_on(line: _Line, below: _Line) -> bool:
    """Tell whether a line was broken by its width, so that the next one belongs to the same paragraph."""
    if below.blanks_before or "\t" in below.text:
        return False
    if _NUMBERED.fullmatch(below.text) or _BULLET.fullmatch(below.text):
        return False
    return not line.text.endswith((".", "!", "?", ":", "…")) and len(line.text) >= MIN_WRAPPED


def _tabbed(lines: Sequence[_Line], at: int) -> tuple[tuple[str, ...], ...]:
    rows: list[tuple[str, ...]] = []
    for line in lines[at:]:
        cells = tuple(cell.strip() for cell in line.text.split("\t"))
        if len(cells) < 2 or (rows and (len(cells) != len(rows[0]) or line.blanks_before)):
            break
        rows.append(cells)
    return tuple(rows) if len(rows) >= 2 else ()


def _run_together(lines: Sequence[_Line], at: int) -> tuple[tuple[str, ...], ...]:
    """Read a two-column table whose rows were pasted as one line each: a header of two words, then rows."""
    header = lines[at].text.split()
    if len(header) != 2 or not all(word.istitle() for word in header):
        return ()
    rows = []
    for line in lines[at + 1 :]:
        found = _ROW.fullmatch(line.text)
        if found is None or line.blanks_before:
            break
        rows.append((found.group(1).strip(), found.group(2)))
    return ((header[0], header[1]), *rows) if len(rows) >= 2 else ()
