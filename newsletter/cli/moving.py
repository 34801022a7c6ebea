"""What a person sees of a move: how far it is, what was moved, what comes next."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from newsletter.cli.printing import accent, muted, number, say, say_table
from newsletter.cli.watching import bar

if TYPE_CHECKING:
    from newsletter.pipeline.moving import Moved, Progress

#: In a log a large table has a line of its own each time so many rows are done.
_LINE = 250_000
_SHORT = 12


@contextmanager
def watching(quiet: bool) -> Iterator[Callable[["Progress"], None]]:
    """Show a bar on a terminal, plain lines in a log; both on the error stream, beside the result."""
    if quiet:
        yield lambda _progress: None
    elif sys.stderr.isatty():
        with bar() as show:
            yield lambda at: show(f"{at.table} {at.stage.value.partition(',')[0]}", at.done, at.total)
    else:
        yield _lines()


def say_move(found: "Moved", *, is_configured: bool) -> None:
    """Print the tables, which are the same on both sides, and the next step."""
    rows = [(part.table, part.rows, part.sha256[:_SHORT]) for part in found.tables]
    say_table(["table", "rows", "hash"], rows, right=(1,))
    for table in found.again:
        say(f"{table}: was copied again, as the source went on")
    a_second = round(found.copied / found.seconds) if found.seconds else found.copied
    say(muted(f"{number(found.copied)} rows copied in {found.seconds:.1f} s, {number(a_second)} a second"))
    say(f"{found.source}: moved to {found.target}; nothing more is sent from it")
    url = f'write  url = "{found.url}"  under [database]'
    say(accent("next: newsletter run" if is_configured else f"next: {url}"))


def say_sizes(found: "Moved") -> None:
    """Print what would be moved."""
    rows = [(part.table, part.rows, part.bytes) for part in found.tables]
    say_table(["table", "rows", "about bytes"], rows, right=(1, 2))
    total = number(sum(part.rows for part in found.tables))
    size = number(sum(part.bytes for part in found.tables))
    say(f"{found.source} → {found.target}: {total} rows, about {size} bytes; nothing was written")


def _lines() -> Callable[["Progress"], None]:
    said = 0

    def show(at: "Progress") -> None:
        nonlocal said
        if at.done == at.total or at.done - said >= _LINE:
            said = at.done % at.total
            sys.stderr.write(f"{at.table}: {number(at.done)} of {number(at.total)} rows {at.stage.value}\n")

    return show
