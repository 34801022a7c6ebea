"""Subscribers: import and export, and what they print."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import is_quiet, letter
from newsletter.cli.printing import accent, muted, number, say, say_json
from newsletter.cli.watching import bar
from newsletter.domain.columns import read_map
from newsletter.errors import Refused
from newsletter.interpreter import prepared_for_bulk

if TYPE_CHECKING:
    from newsletter.pipeline.restoring import Restored
    from newsletter.pipeline.telling import Imported

Series = Annotated[str | None, typer.Option(help="The series; needless where there is one only.")]
ConsentText = Annotated[str, typer.Option("--consent", help="How they agreed; kept with each of them.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

#: What stands for the standard output where a file can be named.
_OUTPUT = Path("-")
#: In a log there is a line each time so many seconds have passed.
_EVERY = 2.0


class Form(StrEnum):
    """How an export is written."""

    csv = "csv"
    jsonl = "jsonl"


def add_to(group: typer.Typer) -> None:
    """Add the commands of this file."""
    group.command("import")(import_)
    group.command("export")(export)


def import_(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A CSV file with a header, or an export in JSON Lines.")
    ],
    series: Series = None,
    consent: ConsentText = "",
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Which column is what, such as name=Vorname."),
    ] = None,
    attributes: Annotated[str, typer.Option(metavar="A,B", help="Columns to keep as attributes.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write each row that was not just added there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add the people of a file; nobody who left or is suppressed is brought back.

    With --consent they are active, and the words are kept with each of them; without it they are pending, and
    get nothing before they confirm. A column received names issues that they have had elsewhere and get no
    more: lower-back neck, or ..neck for that one and all before it. An export in JSON Lines brings along all
    that is known of people.

    Example: newsletter subscribers import people.csv --consent "paper form, reception, October 2026"
    """
    app = letter(ctx)
    if file.suffix.lower() in (".jsonl", ".ndjson"):
        _refuse_options(file, series, consent, columns, attributes)
        with prepared_for_bulk(), _watching(is_quiet(ctx)) as watch:
            restored = app.restoring.restore(file, dry_run=dry_run, report=report, watch=watch)
        _say_restored(restored, file, as_json=as_json)
        return
    chosen = read_map(columns or [], attributes)
    with prepared_for_bulk(), _watching(is_quiet(ctx)) as watch:
        found = app.enrolling.import_file(
            file, series, consent, columns=chosen, dry_run=dry_run, report=report, watch=watch
        )
    if as_json:
        say_json(found)
    else:
        say_imported(found, f"from {file}")
        if report is not None:
            say(f"every row that was not just added is in {report}")
    _refuse_nobody(found)


def export(
    ctx: typer.Context,
    series: Annotated[str | None, typer.Option(help="Those of one series only.")] = None,
    form: Annotated[
        Form, typer.Option("--format", help="For a spreadsheet, or with all there is.")
    ] = Form.csv,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it there, whole or not at all; - is the output."),
    ] = None,
) -> None:
    """Write everybody with their subscriptions; keep such a file as you keep the database.

    CSV is safe to open in a spreadsheet. JSON Lines has the evidence of consent, suppressions and what each
    has received as well, so that an import elsewhere loses nothing.

    Example: newsletter subscribers export --format jsonl --out people.jsonl
    """
    from newsletter.pipeline.exporting import Format  # noqa: PLC0415 - slow to import

    app = letter(ctx)
    file = out if out != _OUTPUT else None
    sys.stdout.flush()
    with _watching(is_quiet(ctx)) as watch:
        count = app.exporting.export(file, Format(form.value), series, watch)
    sys.stdout.flush()
    if file is not None:
        say(f"{_people(count)} written to {file}")


def say_imported(found: "Imported", where: str = "") -> None:
    """Print what an import did, or would do."""
    for refusal in found.refused:
        say(f"line {refusal.line}: {refusal.reason}" if refusal.line else refusal.reason)
    _say_more(found.refusals - len(found.refused), "refused")
    for hint in found.hints:
        say(
            muted(
                f"line {hint.line}: {hint.address} {hint.why}" if hint.line else f"{hint.address} {hint.why}"
            )
        )
    _say_more(found.hinted - len(found.hints), "that may have a slip in their domain")
    for note in found.notes:
        say(muted(note))
    say(("would be " if found.dry_run else "") + ", ".join(_parts(found, where)))
    if found.dry_run:
        say(muted("nothing was changed"))
    elif found.pending:
        say(accent('they get nothing before they confirm; who agreed already: add --consent "how and when"'))


def _parts(found: "Imported", where: str) -> Iterator[str]:
    after = f" {where}" if where else ""
    if found.added or not found.pending:
        yield f"{number(found.added)} added{after}"
        after = ""
    if found.pending:
        yield f"{number(found.pending)} pending{after}"
    if found.kept:
        yield f"{number(found.kept)} were subscribed already"
    if found.waiting:
        yield f"{number(found.waiting)} were asked already"
    if found.left:
        yield f"{number(found.left)} had left and stay away"
    if found.suppressed:
        yield f"{number(found.suppressed)} suppressed and stay so"
    if found.duplicates:
        yield f"{number(found.duplicates)} in the file before"
    if found.received:
        of_kept = found.received_by_kept
        by = f" ({number(of_kept)} by people who were subscribed already)" if of_kept else ""
        issues = "issues" if found.received > 1 else "issue"
        yield f"{number(found.received)} {issues} noted as received elsewhere{by}"
    if found.refusals:
        yield f"{number(found.refusals)} refused"


def _refuse_options(file: Path, *given: object) -> None:
    if any(given):
        raise Refused(
            f"{file} says itself who agreed to what, and when",
            mend="leave out --series, --consent, --map and --attributes",
        )


def _say_restored(found: "Restored", file: Path, *, as_json: bool) -> None:
    if as_json:
        say_json(found)
        return
    for refusal in found.refused:
        say(f"line {refusal.line}: {refusal.reason}")
    _say_more(found.refusals - len(found.refused), "refused")
    parts = [f"{number(found.added)} added from {file}"]
    if found.kept:
        parts.append(f"{number(found.kept)} were here already")
    if found.suppressed:
        parts.append(f"{number(found.suppressed)} suppressed without a name")
    if found.refusals:
        parts.append(f"{number(found.refusals)} refused")
    say(("would be " if found.dry_run else "") + ", ".join(parts))
    if found.dry_run:
        say(muted("nothing was changed"))


def _say_more(count: int, what: str) -> None:
    if count > 0:
        say(f"and {number(count)} more {what}; --report FILE lists all")


def _refuse_nobody(found: "Imported") -> None:
    reached = found.added + found.pending + found.kept + found.waiting + found.left + found.suppressed
    if found.refusals and not reached:
        raise Refused("nobody in the file could be added", mend="mend the lines above and import it again")


def _people(count: int) -> str:
    return f"{number(count)} {'person' if count == 1 else 'people'}"


@contextmanager
def _watching(quiet: bool) -> Iterator[Callable[[int, int], None]]:
    if quiet:
        yield lambda _done, _total: None
    elif sys.stderr.isatty():
        with bar() as show:
            yield lambda done, total: show("lines", done, total or done)
    else:
        yield _in_lines()


def _in_lines() -> Callable[[int, int], None]:
    said_at = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= _EVERY:
            said_at = time.monotonic()
            sys.stderr.write(f"{number(done)}{f' of {number(total)}' if total else ''} lines done\n")

    return show
