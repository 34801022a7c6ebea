"""Tell of a list of people while it is read: each row that was not just added, and how far it has come."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from newsletter.content.people_csv import report_of_rows

#: Is told how many of how many lines are done; 0 where nobody knows how many there are.
Watch = Callable[[int, int], None]


def watch_nobody(_done: int, _total: int) -> None:
    """Look at nothing."""


@dataclass(frozen=True)
class Noted:
    """A row of which somebody should know: `what` is refused, hint, duplicate, left or suppressed."""

    line: int
    what: str
    address: str
    why: str


@dataclass(frozen=True)
class Listening:
    """Who is told of an import while it goes on: of rows, and of the line that it has come to."""

    row: Callable[[Noted], None] = lambda _row: None
    line: Callable[[int], None] = lambda _line: None


@contextmanager
def listening(report: Path | None, watch: Watch, lines: int) -> Iterator[Listening]:
    """Write rows into a report where one is wanted; let `watch` see to which of the lines it has come.

    The report is there whole or not at all.
    """

    def line(number: int) -> None:
        watch(number, lines)

    if report is None:
        yield Listening(line=line)
        return
    with report_of_rows(report) as row:
        yield Listening(lambda one: row((one.line, one.what, one.address, one.why)), line)
