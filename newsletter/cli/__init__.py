"""The command line: parse, one call, print.

Exit codes: 0 done, 1 refused or failed with a one-line reason, 2 wrong usage, 3 a check found errors.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from newsletter import __version__
from newsletter.cli import (
    doctoring,
    explaining,
    operating,
    people,
    reporting,
    scheduling,
    sending,
    writing,
)
from newsletter.cli.context import Options
from newsletter.cli.printing import complain
from newsletter.errors import ConfigError, NewsletterError

_HELP = """Turn an article into a weekly email series and deliver it exactly once.

Begin with `newsletter init my-letter`; look before you send with `preview`, `check` and `plan`.
"""


_ORDER = [
    "init",
    "import",
    "split",
    "preview",
    "check",
    "send-test",
    "queue",
    "cancel",
    "plan",
    "simulate",
    "run",
    "status",
    "pause",
    "resume",
    "resolve",
    "subscribers",
    "explain",
    "report",
    "doctor",
    "web",
    "templates",
    "provider",
    "db",
]


class InOrder(TyperGroup):
    """Shows commands in the order of the work."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        """List commands as an editor, then an operator meets them."""
        return sorted(self.commands, key=_ORDER.index)


app = typer.Typer(
    name="newsletter",
    help=_HELP,
    cls=InOrder,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (writing, scheduling, sending, people, explaining, reporting, doctoring, operating):
    part.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"newsletter {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Option("-C", metavar="DIR", help="Go to this folder first.")] = Path(),
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Answer every question with yes.")] = False,
    verbose: Annotated[bool, typer.Option("-v", help="Say more, and show where a bug is.")] = False,
    quiet: Annotated[bool, typer.Option("-q", help="Print results only.")] = False,
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before a command."""
    ctx.obj = Options(yes=yes, verbose=verbose, quiet=quiet)
    try:
        os.chdir(folder)
    except OSError as error:
        raise ConfigError(f"cannot go to {folder}: {error.strerror}") from error


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; nothing but `-v` shows a traceback."""
    try:
        result = app(list(arguments), standalone_mode=False, prog_name="newsletter")
    except NewsletterError as error:
        complain(error)
        return error.exit_code
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("stopped\n")
        return 1
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python would complain once more while it closes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.TyperException as error:
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return 2
    except Exception as error:
        if "-v" in arguments:
            raise
        sys.stderr.write(
            f"newsletter: this is a bug: {type(error).__name__}: {error}\n"
            "Run the command again with -v before its name, and report what it prints.\n"
        )
        return 1
    return result if isinstance(result, int) else 0
