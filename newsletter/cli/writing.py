"""Write: init, import, split, preview, check, send-test."""

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import typer

from newsletter.cli.context import ask, has_screen, is_quiet, letter, writing
from newsletter.cli.inspecting import chosen_inspections
from newsletter.cli.printing import accent, counted, muted, number, say, say_findings, say_json, say_table
from newsletter.domain.finding import errors_of
from newsletter.errors import CheckFailed, Refused

if TYPE_CHECKING:
    from newsletter.app import App

PANEL = "Write"
Target = Annotated[
    str | None, typer.Argument(metavar="TARGET", help="A series, or one of its issues: back-pain/neck.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command("init", rich_help_panel=PANEL)(init)
    app.command("import", rich_help_panel=PANEL)(import_)
    app.command("split", rich_help_panel=PANEL)(split)
    app.command("preview", rich_help_panel=PANEL)(preview)
    app.command("check", rich_help_panel=PANEL)(check)
    app.command("send-test", rich_help_panel=PANEL)(send_test)


def init(ctx: typer.Context, folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Start a letter, with a sample to replace.

    Example: newsletter init my-letter
    """
    app = letter(ctx)
    written = app.starting.start(folder, app.clock.now())
    say(f"{folder}: {len(written)} files, a sample of two articles and four issues")
    say(accent(f"next: newsletter -C {folder} preview"))


def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Plain text, Markdown or HTML.")],
    slug: Annotated[str | None, typer.Option(help="The article's name; by default the file's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the article; write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a text into content/articles/, and say what was guessed and left out.

    Example: newsletter import pasted.txt --slug sports-massage
    """
    app = letter(ctx)
    imported = app.importing.read(file, slug=slug, today=app.clock.now().date())
    if as_json:
        say_json(imported)
    elif dry_run:
        say(imported.text)
    if dry_run:
        return
    if imported.difference:
        say(imported.difference)
        ask(ctx, f"Replace {imported.path}?")
    article, left_out = app.importing.write(imported)
    if as_json:
        return
    for note in imported.guesses:
        say(f"line {note.line:>4}  {note.what}")
    for line in imported.possible_sections:
        say(f"line {line:>4}  a new section may begin here; give it a heading if so")
    for left in imported.left_out:
        where = f"line {left.line:>4}" if left.line else "         "
        say(f"{where}  {muted('left out')} {left.text[:60]!r} ({left.why})")
    if left_out:
        say(f"{len(imported.left_out)} lines left out are kept in {left_out}")
    say(f"{article}: {imported.title}")
    say(accent(f"next: newsletter split {imported.slug}"))


def split(
    ctx: typer.Context,
    article: Annotated[str, typer.Argument(metavar="ARTICLE", help="The article's name.")],
    issues: Annotated[
        str | None, typer.Option(help='The issues, by section or by words of its heading: "lower-back,neck".')
    ] = None,
    series: Annotated[
        str | None, typer.Option(help="The name of the series; by default the article's.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the draft; write nothing.")] = False,
) -> None:
    """Draft a series from an article's sections, and pin their ids.

    Example: newsletter split sports-massage --issues "lower-back,upper-back,neck,what-to-expect"
    """
    app = letter(ctx)
    names = [name.strip() for name in issues.split(",") if name.strip()] if issues else None
    sender = f"{app.settings.name} <editors@{app.settings.sender_domain}>"
    draft = app.splitting.draft(article, names, now=app.clock.now(), sender=sender, series_slug=series)
    lengths = {length.issue: length for length in draft.lengths}
    say_table(
        ["issue", "words", "minutes", "subject"],
        [
            (one.id, lengths[one.id].words, lengths[one.id].minutes, one.subject)
            for one in draft.series.issues
        ],
        right=(1, 2),
    )
    for ref in draft.left_out:
        say(muted(f"left out: {ref}"))
    if draft.unchanged:
        say(f"{draft.series_file.path}: unchanged")
        return
    if dry_run:
        say(draft.difference or draft.series_file.text)
        return
    if draft.difference:
        say(draft.difference)
        ask(ctx, f"Replace {draft.series_file.path}?")
    app.splitting.write(draft)
    say(f"{draft.series_file.path}: {len(draft.series.issues)} issues from {draft.series.cadence.starts}")
    say(accent(f"next: newsletter preview {draft.series.slug}"))


def preview(
    ctx: typer.Context,
    target: Target = None,
    out: Annotated[Path | None, typer.Option(help="Write .html, .txt, .eml and an index there.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Print the mail here.")] = False,
    as_: Annotated[str | None, typer.Option("--as", metavar="ADDRESS", help="As this subscriber.")] = None,
    gallery: Annotated[
        bool, typer.Option("--gallery", help="Show every block in every layout instead; needs --out.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 is a free one.")] = 8026,
    open_: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open a browser; by itself only on a terminal with a screen."),
    ] = None,
) -> None:
    """Look at issues: a live page, files, or the terminal.

    Example: newsletter preview back-pain/neck --text
    """
    app = letter(ctx)
    if gallery:
        _write_gallery(app, out)
        return
    previewing = app.previewing(as_)
    if text:
        say(previewing.text(target))
    elif out is not None:
        files = previewing.write(target, out)
        say(f"{out}: {len(files)} files; open {out / 'index.html'}")
    else:
        wanted = {"target": previewing.first(target) if target else None, "as": as_}
        query = urlencode({name: value for name, value in wanted.items() if value})
        _open_studio(app, port, f"/?{query}" if query else "/", has_screen() if open_ is None else open_)


def _write_gallery(app: "App", out: Path | None) -> None:
    if out is None:
        raise Refused("a gallery is written to a folder", mend="add --out DIR")
    from newsletter.content.letters import write_texts  # noqa: PLC0415 - slow to import

    pages = app.gallery()
    write_texts(out, {out / name: page for name, page in pages.items()})
    say(f"{out}: {len(pages)} files; open {out / 'index.html'}")


def _open_studio(app: "App", port: int, path: str, open_: bool) -> None:
    from newsletter.web.serving import preview_until_stopped  # noqa: PLC0415 - half of the start-up time

    def told(url: str) -> None:
        say(f"preview on {url}{path}; stop with Ctrl-C")
        if open_:
            webbrowser.open(f"{url}{path}")

    preview_until_stopped(app, port, told)


def check(
    ctx: typer.Context,
    target: Target = None,
    form: Annotated[str, typer.Option("--format", help="text, json or sarif.")] = "text",
    changed: Annotated[
        str | None,
        typer.Option(metavar="REVISION", help="Only issues whose files differ from this git revision."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser", help="Look at them in Chromium, too: axe-core, contrast, phones.")
    ] = False,
    screenshots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Look in Chromium, and keep what it draws there.")
    ] = None,
    links: Annotated[bool, typer.Option("--links", help="Ask every link whether it answers.")] = False,
    spam: Annotated[bool, typer.Option("--spam", help="Ask SpamAssassin, too; nothing leaves here.")] = False,
) -> None:
    """Check issues; errors block queueing, and end this command with exit code 3.

    Example: newsletter check back-pain
    """
    if form not in ("text", "json", "sarif"):
        raise Refused(f"there is no format {form!r}", mend="use text, json or sarif")
    inspections = chosen_inspections(browser=browser, screenshots=screenshots, links=links, spam=spam)
    findings = writing(ctx).composing.check(target, since=changed, inspections=inspections)
    errors = errors_of(findings)
    if form == "json":
        say_json(findings)
    elif form == "sarif":
        from newsletter.cli.sarif import as_sarif  # noqa: PLC0415 - other formats need none of it
        from newsletter.content.changed_files import place_in_repository  # noqa: PLC0415

        say_json(as_sarif(findings, place_in_repository(Path())))
    else:
        say_findings(findings)
        if screenshots is not None:
            say(muted(f"screenshots are in {screenshots}"))
    if errors:
        raise CheckFailed(counted(findings), mend="mend and check again")
    if form == "text" and not is_quiet(ctx):
        say(counted(findings))


def send_test(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET")],
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent.")] = False,
) -> None:
    """Send a real copy to a person; it is never counted.

    Example: newsletter send-test back-pain/neck me@example.org
    """
    app = letter(ctx)
    name = app.tests.provider_of(target)
    provider = app.routing.provider(name).capabilities
    if dry_run:
        say(f"{target} to {number(len(addresses))} people through {provider.name}: {', '.join(addresses)}")
        return
    app.refuse_unready()
    answers = app.tests.send(target, addresses)
    for address, answer in answers.items():
        say(f"{address}: {answer.outcome.value} {muted(answer.reason)}".rstrip())
    if any(answer.outcome != "accepted" for answer in answers.values()):
        raise Refused("not every copy was accepted")
    if provider.rehearsal:
        where = app.routing.table(name).folder
        say(muted(f"{provider.name}: nothing leaves this machine; the mail is in {where}/"))
