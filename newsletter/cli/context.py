"""What every command shares: the options before its name, and the letter it works on."""

import os
import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from newsletter.errors import Refused

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.writing import Writing


@dataclass(frozen=True)
class Options:
    """The options that stand before a command."""

    yes: bool = False
    verbose: bool = False
    quiet: bool = False


def letter(_ctx: typer.Context) -> "App":
    """Open the letter of this folder; its parts are imported here, so that `--help` stays fast."""
    from newsletter.app import App  # noqa: PLC0415

    return App(Path())


def writing(_ctx: typer.Context) -> "Writing":
    """Open the letter's files alone, which imports a third as much."""
    from newsletter.writing import Writing  # noqa: PLC0415

    return Writing(Path())


def ask(ctx: typer.Context, question: str) -> None:
    """Ask before something is done; without a terminal, asking is refusing."""
    if _options(ctx).yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"{question} Nobody is there to answer", mend="add -y before the command to say yes")
    typer.confirm(question, abort=True, err=True)


def read_day(text: str) -> date:
    """Read a day as it is written on the command line."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as cause:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-12-01") from cause


def is_quiet(ctx: typer.Context) -> bool:
    """Tell whether only results are wanted."""
    return _options(ctx).quiet


def has_screen() -> bool:
    """Tell whether a browser that is opened would be seen: no script, no remote shell, no bare console."""
    if not sys.stdout.isatty() or os.environ.get("SSH_CONNECTION"):
        return False
    has_desktop = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return has_desktop or sys.platform in ("darwin", "win32")


def _options(ctx: typer.Context) -> Options:
    return ctx.obj if isinstance(ctx.obj, Options) else Options()
