"""Find the shape of a text that was pasted without markup: title, headings, table, steps, page furniture.

Every line that is not blank ends up in a part or is left out. Where in doubt a line stays text: a heading
that is none, or a sentence that is lost, is worse than a heading that an editor adds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from newsletter.domain.furniture import furniture
from newsletter.domain.pasted_lines import (
    BULLET,
    NUMBERED,
    Line,
    goes_on,
    is_heading,
    is_numbered_heading,
    read_lines,
    table_at,
)


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
    """A heading (`level` 2 or 3), a paragraph, a list or a table; `rows` are cells, or one text each.

    `start` is the number of the first step.
    """

    kind: Kind
    line: int
    rows: tuple[tuple[str, ...], ...]
    level: int = 0
    start: int = 1

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


@dataclass
class _Reader:
    lines: Sequence[Line]
    parts: list[Part] = field(default_factory=list)
    guesses: list[Note] = field(default_factory=list)
    has_numbered: bool = False

    def read(self) -> None:
        at = 0
        while at < len(self.lines):
            at = self._table(at) or self._heading(at) or self._list(at) or self._paragraph(at)

    def _table(self, at: int) -> int:
        rows = table_at(self.lines, at)
        if not rows:
            return 0
        self._add(Part(Kind.TABLE, self.lines[at].number, rows))
        self._guess(at, f"a table of {len(rows) - 1} rows and {len(rows[0])} columns")
        return at + len(rows)

    def _heading(self, at: int) -> int:
        text, level, number = self.lines[at].text, 2, ""
        numbered = NUMBERED.fullmatch(text)
        if numbered:
            if not is_numbered_heading(self.lines, at, numbered.group(2)):
                return 0
            number, text = numbered.groups()
            is_nested = any(part.kind is Kind.HEADING and part.level == 2 for part in self.parts)
            level = 3 if is_nested and (self.has_numbered or int(number) == 1) else 2
            self.has_numbered = level == 3
        elif not is_heading(self.lines, at):
            return 0
        else:
            self.has_numbered = False
        self._add(Part(Kind.HEADING, self.lines[at].number, ((text,),), level))
        kind = "a question" if text.endswith("?") else "a heading"
        self._guess(at, f"{kind}: {text}" + (f" (without its number {number})" if number else ""))
        return at + 1

    def _list(self, at: int) -> int:
        for kind, pattern in ((Kind.STEPS, NUMBERED), (Kind.BULLETS, BULLET)):
            end = at
            rows: list[tuple[str, ...]] = []
            start = int(found.group(1)) if kind is Kind.STEPS and (found := self._match(pattern, at)) else 1
            while found := self._match(pattern, end):
                if kind is Kind.STEPS and not self._continues(
                    end, start + len(rows), found.group(2), bool(rows)
                ):
                    break
                row, end = self._row(found.group(found.lastindex or 1), end)
                rows.append((row,))
            if rows:
                self._add(Part(kind, self.lines[at].number, tuple(rows), start=start))
                self._guess(at, f"{len(rows)} {'steps' if kind is Kind.STEPS else 'points'}")
                return end
        return 0

    def _match(self, pattern: re.Pattern[str], at: int) -> re.Match[str] | None:
        return pattern.fullmatch(self.lines[at].text) if at < len(self.lines) else None

    def _continues(self, at: int, number: int, text: str, is_inner: bool) -> bool:
        """Tell whether a numbered line is the next step, and no heading of a paragraph."""
        found = NUMBERED.fullmatch(self.lines[at].text)
        is_next = found is not None and int(found.group(1)) == number
        return is_next and not (is_inner and is_numbered_heading(self.lines, at, text))

    def _row(self, text: str, at: int) -> tuple[str, int]:
        """Read a point and the lines on which it goes on, where it was broken by its width."""
        end = at + 1
        while end < len(self.lines) and goes_on(self.lines[end - 1], self.lines[end]):
            if not self.lines[end].text[:1].islower():
                break
            text = f"{text} {self.lines[end].text}"
            end += 1
        return text, end

    def _paragraph(self, at: int) -> int:
        end = at + 1
        while end < len(self.lines) and goes_on(self.lines[end - 1], self.lines[end]):
            if is_heading(self.lines, end):
                break
            end += 1
        texts = tuple((line.text,) for line in self.lines[at:end])
        self._add(Part(Kind.PARAGRAPH, self.lines[at].number, texts))
        return end

    def _add(self, part: Part) -> None:
        self.parts.append(part)

    def _guess(self, at: int, what: str) -> None:
        self.guesses.append(Note(self.lines[at].number, what))


def outline(text: str) -> Outline:
    """Find the shape of a text; its lines are counted from 1."""
    lines = read_lines(text)
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
