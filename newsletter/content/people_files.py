"""Lists of people in CSV, of any size: each row becomes an entry, or a refusal with its line."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from newsletter.content import csv_rows
from newsletter.content.formulas import bare
from newsletter.content.text_blocks import TextFile, survey
from newsletter.domain import columns
from newsletter.domain.columns import Columns
from newsletter.domain.joining import Entry, Refusal
from newsletter.domain.subscriber import Subscriber
from newsletter.errors import LetterError, NewsletterError, Place

_DELIMITERS = (",", ";", "\t", "|")
_EXCEL = re.compile(r"sep=(.)\r?")
#: A file that says so of somebody is not to bring them back.
_AWAY = frozenset({"unsubscribed", "suppressed", "bounced", "cleaned", "complained", "complaint", "inactive"})
_LONGEST_VALUE = 1_000


@dataclass(frozen=True)
class PeopleFile:
    """A list of people whose first line was understood."""

    file: TextFile
    delimiter: str
    header: int
    columns: Columns

    @property
    def lines(self) -> int:
        return self.file.lines

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what somebody should know who thought that all of it would be read."""
        ignored = self.columns.ignored
        if not ignored:
            return self.file.notes
        shown = ", ".join(name[:40] for name in ignored[:5])
        more = f" and {len(ignored) - 5:,} more" if len(ignored) > 5 else ""
        mend = 'take one with --map attributes.city="Column"'
        return (*self.file.notes, f"left out: the columns {shown}{more}; {mend}")

    def entries(self) -> Iterator[Entry | Refusal]:
        """Yield its rows, in order."""
        entry = _reading(self.columns)
        for line, row in csv_rows.rows(self.file.blocks(), self.delimiter):
            if line <= self.header or not row:
                continue
            if isinstance(row, str):
                yield Refusal(line, "", row)
            elif any(row):
                yield entry(line, row)


def open_people(path: Path, chosen: Mapping[str, str]) -> PeopleFile:
    """Look at a whole CSV file, and understand its first line.

    Raises LetterError for a file that is no list of people, before anything is read from it.
    """
    file = survey(path)
    header, lines = _header(file)
    delimiter = _delimiter(lines, chosen)
    place = Place(str(path), header)
    names = csv_rows.cells(lines[-1], delimiter)
    if names is None:
        raise LetterError(
            "the line that names the columns cannot be read", place=place, mend="look at its quotes"
        )
    try:
        found = columns.columns_of([bare(name) for name in names], chosen)
    except NewsletterError as error:
        raise LetterError(error.message, place=Place(str(path)), mend=error.mend) from error
    return PeopleFile(file, delimiter, header, found)


def _header(file: TextFile) -> tuple[int, list[str]]:
    """Return the number of the first line with text, and the lines up to it."""
    lines: list[str] = []
    for block in file.blocks():
        for line in block:
            lines.append(line)
            if line.strip() and not _EXCEL.fullmatch(line):
                return len(lines), lines
    raise LetterError(
        "the file is empty", place=Place(str(file.path)), mend="its first line names the columns"
    )


def _delimiter(lines: list[str], chosen: Mapping[str, str]) -> str:
    said = next((found.group(1) for line in lines if (found := _EXCEL.fullmatch(line))), None)
    if said:
        return said
    split = {one: csv_rows.cells(lines[-1], one) or [] for one in _DELIMITERS}
    # What finds the addresses is right; of several the one that finds more columns.
    return max(_DELIMITERS, key=lambda one: (columns.is_header(split[one], chosen), len(split[one])))


def _reading(found: Columns) -> Callable[[int, list[str]], Entry | Refusal]:
    """Make what reads a row; there are many, so what is the same for all of them is found once."""
    fields, width = found.fields, found.width
    at_address, at_zone = fields[columns.ADDRESS], fields.get(columns.ZONE)
    at_names = [fields[columns.NAME]] if columns.NAME in fields else []
    at_names = at_names or [fields[one] for one in (columns.FIRST, columns.LAST) if one in fields]
    at_received = fields.get(columns.RECEIVED)
    at_rare = [fields.get(one) for one in (columns.STATE, columns.SUPPRESSED, columns.SERIES)]
    is_rare = at_rare != [None] * len(at_rare)
    attributes = tuple(found.attributes.items())

    def read(line: int, row: list[str]) -> Entry | Refusal:
        if len(row) < width:
            row += [""] * (width - len(row))
        address = row[at_address]
        if address[:1] == "'":
            address = bare(address)
        if len(row) > width and at_received is None and any(row[width:]):
            counts = f"it has {len(row):,} cells and the first line names {width:,}"
            return Refusal(line, address, f"{counts}: a cell with the delimiter in it stands in quotes")
        if is_rare:
            state, suppressed, _ = _cells(row, at_rare)
            if suppressed or state.lower() in _AWAY:
                return Refusal(line, address, f"the file says of them: {suppressed or state}")
        name = ""
        for at in at_names:
            part = row[at].strip()
            if part:
                part = bare(part) if part[0] == "'" else part
                name = f"{name} {part}" if name else part
        zone = row[at_zone].strip() if at_zone is not None else ""
        values: dict[str, str] = {}
        for attribute, at in attributes:
            value = row[at].strip()
            if not value:
                continue
            if value[0] == "'":
                value = bare(value)
            if not value.isprintable() or len(value) > _LONGEST_VALUE:
                return Refusal(line, address, f"{attribute} is too long, or has a line break in it")
            values[attribute] = value
        received = None
        if at_received is not None:
            # Where nobody quoted the commas between ids, the reader takes them for cells without a name.
            received = " ".join([row[at_received], *row[width:]])
        series = _cells(row, at_rare)[2] if is_rare else ""
        return Entry(line, Subscriber(address, name, zone), received, values, series)

    return read


def _cells(row: list[str], places: list[int | None]) -> list[str]:
    return [row[at].strip() if at is not None else "" for at in places]
