"""The rows of a CSV file, each with its line; a row that cannot be read takes nothing else with it."""

import csv
from collections.abc import Iterable, Iterator, Sequence

#: A cell goes on over so many lines at most; then its quote was forgotten.
_MOST_LINES = 500
_UNCLOSED = "a quote is opened in it and never closed"
_GOES_ON = "unexpected end of data"
_REASONS = {
    "expected after": "there is text after a closing quote: double a quote that belongs to the text",
    "field larger": "a cell is longer than any that is read",
    "new-line character": "a line break (CR) is in the middle of it",
}
#: A line, and its cells or why it has none.
Row = tuple[int, list[str] | str]


def rows(blocks: Iterable[list[str]], delimiter: str) -> Iterator[Row]:
    """Yield the cells of each row with the number of its first line; empty lines have none."""
    first, rest = 1, list[str]()
    for block in blocks:
        lines = rest + block if rest else block
        plain = None if rest or any('"' in line for line in lines) else _plain(lines, delimiter)
        if plain is not None:
            yield from enumerate(plain, first)
            first += len(lines)
            continue
        found, rest = _careful(lines, first, delimiter, is_last=False)
        yield from found
        first += len(lines) - len(rest)
    yield from _careful(rest, first, delimiter, is_last=True)[0]


def cells(line: str, delimiter: str) -> list[str] | None:
    """Return the cells of one line; None where it is no row by itself."""
    found = _parse([line], delimiter)
    return None if isinstance(found, str) else found[0][1] if found else []


def _plain(lines: Sequence[str], delimiter: str) -> list[list[str]] | None:
    try:
        return list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return None


def _careful(
    lines: Sequence[str], first: int, delimiter: str, *, is_last: bool
) -> tuple[list[Row], list[str]]:
    """Read rows that may go on over lines; return them, and the lines of one that may not be complete."""
    found: list[Row] = []
    at = 0
    while at < len(lines):
        got, end = _parse(lines[at : at + 1], delimiter), at + 1
        if got == _GOES_ON:
            if not is_last and len(lines) - at < _MOST_LINES:
                return found, list(lines[at:])
            got, end = _joined(lines, at, delimiter)
        if isinstance(got, str):
            found.append((first + at, got))
            at += 1
            continue
        found += [(first + at + line, row) for line, row in got]
        at = end
    return found, []


def _joined(lines: Sequence[str], at: int, delimiter: str) -> tuple[list[tuple[int, list[str]]] | str, int]:
    quotes = lines[at].count('"')
    for end in range(at + 2, min(len(lines), at + _MOST_LINES) + 1):
        quotes += lines[end - 1].count('"')
        if quotes % 2:
            continue
        got = _parse([f"{line}\n" for line in lines[at:end]], delimiter)
        if not isinstance(got, str):
            return got, end
        if got != _GOES_ON:
            break
    return _UNCLOSED, at + 1


def _parse(lines: Sequence[str], delimiter: str) -> list[tuple[int, list[str]]] | str:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    found: list[tuple[int, list[str]]] = []
    begins = 0
    try:
        for row in reader:
            found.append((begins, row))
            begins = reader.line_num
    except csv.Error as error:
        said = str(error)
        if said.startswith(_GOES_ON):
            return _GOES_ON
        return next((reason for part, reason in _REASONS.items() if part in said), said)
    return found
