"""How far long work is: a bar on a terminal, plain lines in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Shows what is being done, and how much of how much is.
Show = Callable[[str, int, int], None]


@contextmanager
def bar() -> Iterator[Show]:
    """Show a bar on the error stream, beside the result; it is gone at the end."""
    from rich import progress  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415 - slow to import

    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.MofNCompleteColumn())
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("")
        yield lambda what, done, total: shown.update(task, description=what, completed=done, total=total)
