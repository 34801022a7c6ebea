"""Operate: web, templates, provider, db."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.context import ask, is_quiet, letter, writing
from newsletter.cli.doctoring import say_providers
from newsletter.cli.moving import say_move, say_sizes, watching
from newsletter.cli.printing import muted, say, say_json, say_table

PANEL = "Operate"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

templates = typer.Typer(no_args_is_help=True, help="The templates: list, copy.")
provider = typer.Typer(no_args_is_help=True, help="Providers: list, run a fake.")
database = typer.Typer(no_args_is_help=True, help="The database: upgrade, backup, move, adopt.")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command("web", rich_help_panel=PANEL)(web)
    app.add_typer(templates, name="templates", rich_help_panel=PANEL)
    app.add_typer(provider, name="provider", rich_help_panel=PANEL)
    app.add_typer(database, name="db", rich_help_panel=PANEL)


def web(ctx: typer.Context) -> None:
    """Serve the public pages alone.

    Example: newsletter web
    """
    from newsletter.web.serving import serve_until_stopped  # noqa: PLC0415 - half of the start-up time

    serve_until_stopped(letter(ctx), say)


@templates.command("list")
def list_templates(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the templates, and which of them this letter replaces.

    Example: newsletter templates list
    """
    found = writing(ctx).templates.every()
    if as_json:
        say_json(found)
    else:
        say_table(
            ["template", "from"], [(one.name, "this letter" if one.is_own else "shipped") for one in found]
        )


@templates.command("copy")
def copy_template(ctx: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Copy a shipped template into this letter, to change it.

    Example: newsletter templates copy email/quote.mjml.j2
    """
    path = writing(ctx).templates.copy(name)
    say(f"{path}: edit it; this letter now uses it")


@provider.command("list")
def list_providers(as_json: AsJson = False) -> None:
    """List the providers and what each can do, as its adapter says.

    Example: newsletter provider list
    """
    from newsletter.providers.declaring import declared  # noqa: PLC0415 - slow to import

    found = declared()
    if as_json:
        say_json([{**asdict(one.capabilities), "reports": one.hears} for one in found])
    else:
        say_providers(found)


@provider.command("fake")
def fake(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="brevo, mailjet, sparkpost, mandrill, mailersend, resend, mailgun, postmark, sendgrid,"
            " ses or smtp",
        ),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535)] = 9025,
    log: Annotated[Path | None, typer.Option(help="Keep what was accepted there, over restarts.")] = None,
) -> None:
    """Run a fake provider on this machine, to rehearse with.

    Example: newsletter provider fake resend --port 9025
    """
    from newsletter.testing.fakes import serve_fake  # noqa: PLC0415 - only this command needs a fake

    serve_fake(name, port, log)


@database.command("upgrade")
def upgrade(ctx: typer.Context) -> None:
    """Bring the database's schema up to this version.

    Example: newsletter db upgrade
    """
    app = letter(ctx)
    before, after = app.storage.upgrade()
    if before == after:
        say(f"{app.storage.closed_database.name}: schema {after}, nothing to do")
    else:
        say(f"{app.storage.closed_database.name}: schema {before or 'none'} → {after}")


@database.command("adopt")
def adopt(ctx: typer.Context) -> None:
    """Send from this database although it is a copy or a restored backup.

    What went out since the copy was made is not in it: those people would get it again.

    Example: newsletter db adopt
    """
    app = letter(ctx)
    why = app.storage.lineage.why_foreign()
    if why is None:
        say(f"{app.database.name} is the one that sent last; nothing to do")
        return
    say(f"{app.database.name}: {why}")
    ask(ctx, "Send from it all the same?")
    app.storage.adopt()
    say("adopted; newsletter run sends from it")


@database.command("backup")
def backup(ctx: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Write a consistent copy of the SQLite database, also while `run` is sending.

    Example: newsletter db backup backup-2026-12-01.db
    """
    app = letter(ctx)
    if file.exists():
        ask(ctx, f"Replace {file}?")
    app.storage.back_up(file)
    say(f"{file}: {muted(f'{file.stat().st_size:,} bytes')}")


@database.command("move")
def move(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="The url of the database that is used now.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The url of a new, empty database.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be moved; nothing is written.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Move everything to another database, SQLite or PostgreSQL, and send from there.

    Stop `run` first. Whoever writes meanwhile is refused. One that was broken off goes on when called again.

    Example: newsletter db move sqlite:///newsletter.db postgresql://newsletter@localhost/newsletter
    """
    from newsletter.operating import moving  # noqa: PLC0415 - slow to import

    app = letter(ctx)
    with moving(app, source, target) as one:
        if dry_run:
            found = one.look()
        else:
            with watching(is_quiet(ctx)) as tell:
                found = one.move(tell)
    if as_json:
        say_json(found)
    elif dry_run:
        say_sizes(found)
    else:
        say_move(found, is_configured=app.settings.database.url in (target, found.url))
