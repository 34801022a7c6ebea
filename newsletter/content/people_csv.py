"""Write lists of people as CSV that a spreadsheet can open without harm, and an import reads back."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import orjson

from newsletter.content.formulas import guarded
from newsletter.content.whole_files import written_whole
from newsletter.domain.columns import OF_ATTRIBUTES
from newsletter.domain.portable import Portable, Subscribed

_HEADER = (
    "address", "name", "zone", "series", "state", "confirmed_at", "paused_until", "suppressed", "received",
)  # fmt: skip


class Table:
    """A table that goes to a file line by line."""

    def __init__(self, file: BinaryIO, header: Sequence[str]) -> None:
        self._file = file
        self._writer = csv.writer(self, lineterminator="\n")
        self.add(header)

    def add(self, cells: Sequence[object]) -> None:
        """Add a row."""
        self._writer.writerow([guarded(str(cell)) for cell in cells])

    def write(self, text: str) -> None:
        """Take what the csv module has written."""
        self._file.write(text.encode("utf-8", "replace"))


@contextmanager
def report_of_rows(path: Path) -> Iterator[Callable[[Sequence[object]], None]]:
    """Give what adds a row to a report on an import, which is written whole."""
    with written_whole(path) as file:
        yield Table(file, ["line", "what", "address", "why"]).add


class PeopleTable:
    """People, one subscription a row."""

    def __init__(self, file: BinaryIO, attributes: Sequence[str]) -> None:
        self._attributes = attributes
        self._table = Table(file, [*_HEADER, *(f"{OF_ATTRIBUTES}{name}" for name in attributes)])

    def add(self, person: Portable) -> None:
        """Add a row for each subscription of a person, or one for somebody who has none."""
        values = [_written(person.attributes.get(name)) for name in self._attributes]
        suppressed = person.suppressed.reason if person.suppressed else ""
        for one in person.subscriptions or (None,):
            self._table.add([person.address, person.name, person.zone, *_cells(one, suppressed), *values])


def _cells(one: Subscribed | None, suppressed: str) -> Iterator[str]:
    if one is None:
        yield from ("", "", "", "", suppressed, "")
        return
    yield from (one.series, one.state, _time(one.confirmed_at), _time(one.paused_until), suppressed)
    yield " ".join(had.issue for had in one.received)


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%SZ}" if at else ""


def _written(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value).decode()
