"""Send: run, status, pause, resume, resolve."""

from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import ask, is_quiet, letter
from newsletter.cli.due_calls import say_due_calls
from newsletter.cli.printing import (
    accent,
    local,
    muted,
    number,
    recipients,
    red,
    say,
    say_json,
    say_table,
    utc,
)
from newsletter.domain.release import spell
from newsletter.errors import CheckFailed, Refused
from newsletter.signals import stop_on_signals

if TYPE_CHECKING:
    from newsletter.app import App
    from newsletter.pipeline.running import Sent
    from newsletter.store.unknowns import UnknownRow

PANEL = "Send"
#: A single pass waits for what becomes ready within this.
PATIENCE = timedelta(seconds=5)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command("run", rich_help_panel=PANEL)(run)
    app.command("status", rich_help_panel=PANEL)(status)
    app.command("pause", rich_help_panel=PANEL)(pause)
    app.command("resume", rich_help_panel=PANEL)(resume)
    app.command("resolve", rich_help_panel=PANEL)(resolve)


def run(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Do one pass and exit, for cron.")] = False,
    play: Annotated[
        int | None,
        typer.Option(metavar="WEEKS", min=1, help="Play weeks under a fake clock; outbox or local fake."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --once: show each due call; no network, no row changed.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="With --dry-run: keep the bytes of each call there.")
    ] = None,
    web: Annotated[bool, typer.Option("--web/--no-web", help="Serve the public pages too.")] = True,
) -> None:
    """Send what is due: schedule, deliver and serve the public pages, in one process.

    Example: newsletter run --once --dry-run
    """
    from newsletter import operating  # noqa: PLC0415 - slow to import

    app = letter(ctx)
    if (dry_run and not once) or (out and not dry_run) or (once and play):
        raise Refused("--dry-run goes with --once, --out with --dry-run, --play alone")
    if dry_run:
        say_due_calls(app, out)
        return
    if play:
        app = operating.rehearsing(app)
    app.refuse_unready()
    if not is_quiet(ctx):
        for line in app.rehearsed:
            say(muted(line))
    with app.sending():
        if play:
            is_empty = True
            for sent in operating.play(app, play):
                _say_sent(sent)
                is_empty = False
            if is_empty and not is_quiet(ctx):
                say(f"nothing comes due in {play} weeks; what is queued: newsletter plan")
        elif once:
            app.belonging.refuse_foreign()
            app.refuse_silent_way_out()
            touched = app.engine.once(PATIENCE)
            for sent in touched:
                _say_sent(sent)
            if not touched and not is_quiet(ctx):
                say("nothing is due")
        else:
            _run_until_stopped(app, web)


def _run_until_stopped(app: "App", web: bool) -> None:
    from newsletter.interpreter import prepare_for_bulk  # noqa: PLC0415
    from newsletter.scheduler import Schedule  # noqa: PLC0415
    from newsletter.web.serving import public_pages  # noqa: PLC0415 - half of the start-up time

    schedule = Schedule(
        app.engine,
        senders_of=app.routing.calls_at_once,
        processes=app.engines.caller_processes(app.routing),
        why_not=app.belonging.why_not_send,
    )
    stop_on_signals(schedule.ask_to_stop)
    with ExitStack() as stack:
        if web:
            say(f"public pages on {stack.enter_context(public_pages(app))}")
        app.refuse_silent_way_out()
        prepare_for_bulk()
        schedule.start()
        stack.callback(schedule.stop)
        say(f"sending from {app.database.name}; stop with Ctrl-C")
        schedule.wait()
    say("stopped; what was claimed is recorded")


def status(
    ctx: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Exit 3 where a person is needed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is due, on its way, held or unknown.

    Example: newsletter status --check
    """
    app = letter(ctx)
    found = app.reporting.status()
    if as_json:
        say_json(found)
    else:
        say(muted(f"database {app.database.name}, provider {app.settings.provider.name}"))
        for series, name in found.providers.items():
            say(muted(f"{series}: goes through {app.routing.called(name)}"))
        for line in app.rehearsed:
            say(muted(line))
        if found.next:
            row = found.next
            say(f"next      {row.slot.target}  {local(row.due_at, row.zone)}  {muted(utc(row.due_at))}")
        else:
            say("next      nothing is queued")
        for moving in found.on_its_way:
            counts = ", ".join(f"{number(n)} {state}" for state, n in sorted(moving.counts.items()))
            left = f"  {muted(f'{spell(moving.left)} left')}" if moving.left else ""
            say(f"sending   {moving.target}  {counts}{left}")
        for doubt in found.unknown:
            if doubt.next_at is not None:
                people = recipients(doubt.people)
                say(f"unknown   {doubt.target}  {people}, looked into again {utc(doubt.next_at)}")
        for stopped in found.paused:
            say(f"paused    {stopped.target}  since {utc(stopped.since)}")
        if found.provider_waits:
            say(f"provider  {found.provider_waits}")
        say(f"settled   {number(found.settled)} issues")
        for old in found.removed:
            what = ", ".join(f"{number(count)} {kind}" for kind, count in sorted(old.removed.items()))
            say(f"removed   {what}, too old to be kept; begun {utc(old.begun_at)}")
        for one in found.attention:
            say(f"{red('waiting')}   {one.target}: {one.what}; {accent(one.command)}")
    if check and found.attention:
        raise CheckFailed(f"{number(len(found.attention))} wait for a person", mend="see: newsletter status")


def pause(ctx: typer.Context, target: Annotated[str, typer.Argument(metavar="TARGET")]) -> None:
    """Stop a series or an issue before its next call.

    Example: newsletter pause back-pain
    """
    app = letter(ctx)
    paused = app.holding.pause(target, app.clock.now())
    say(f"{paused} is paused; calls under way finish")
    say(accent(f"next: newsletter resume {paused}"))


def resume(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is held, and for how many.")] = False,
) -> None:
    """Go on, or show why something is held, ask, and release it.

    Example: newsletter resume back-pain/neck
    """
    app = letter(ctx)
    for release, people in app.holding.held(target, app.clock.now()):
        say(f"{release.target} of {utc(release.due_at)} is held: {release.reason}")
        if not dry_run:
            ask(ctx, f"Send it to {number(people)} people now?")
        else:
            say(f"it would go to {number(people)} people")
    if dry_run:
        say(muted("dry run: nothing was changed"))
        return
    resumed = app.holding.resume(target, app.clock.now())
    if not resumed.was_paused and not resumed.releases:
        say(f"{resumed.target} was neither paused nor held")
    else:
        say(f"{resumed.target} goes on")
    if resumed.still_paused:
        say(f"{resumed.still_paused} itself is paused: nothing of it is sent")
        say(accent(f"next: newsletter resume {resumed.still_paused}"))


def resolve(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET")],
    mark_sent: Annotated[
        bool, typer.Option("--mark-sent", help="They have it: the provider's log shows it.")
    ] = False,
    send_again: Annotated[
        bool, typer.Option("--send-again", help="Send it again; whoever has it gets it twice.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Settle also those that are still looked into by themselves.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the recipients as JSON.")] = False,
) -> None:
    """Settle recipients whose outcome is unknown; without an option, list them.

    Example: newsletter resolve back-pain/neck --mark-sent
    """
    from newsletter.pipeline.resolving import Resolution  # noqa: PLC0415 - with the store

    app = letter(ctx)
    if mark_sent and send_again:
        raise Refused("--mark-sent and --send-again contradict each other", mend="choose one")
    rows = app.resolving.unknown(target)
    if as_json:
        say_json(rows)
    elif not rows:
        say(f"no outcome of {target} is unknown")
    elif not (mark_sent or send_again) or dry_run:
        _say_unknown(rows)
    if not (mark_sent or send_again) or dry_run or not rows:
        if dry_run:
            say(muted("dry run: nothing was changed"))
        return
    waiting = [] if every else [row for row in rows if row.next_at is not None]
    if waiting:
        say(f"left alone: {recipients(len(waiting))} that will be looked into again; --all settles them too")
        rows = [row for row in rows if row.next_at is None]
    if not rows:
        return
    people = recipients(len(rows))
    ask(ctx, f"Mark {people} as sent?" if mark_sent else f"Send to {people} again? Some may get it twice.")
    resolution = Resolution.MARK_SENT if mark_sent else Resolution.SEND_AGAIN
    settled = app.resolving.resolve(target, rows, resolution, app.clock.now())
    done = "marked as sent" if mark_sent else "planned again; newsletter run sends it"
    say(f"{recipients(len(settled))} of {target}: {done}")
    if len(settled) < len(rows):
        say(f"{recipients(len(rows) - len(settled))} changed meanwhile and were left alone")


def _say_unknown(rows: "list[UnknownRow]") -> None:
    say_table(
        ["issue", "recipient", "called", "provider", "looked into again"],
        [
            (
                f"{row.series}/{row.issue}",
                row.address or "forgotten",
                utc(row.last_call_at) if row.last_call_at else "",
                row.provider,
                utc(row.next_at) if row.next_at else (row.reason or "not by itself"),
            )
            for row in rows
        ],
    )
    say(
        accent(
            "look them up in the provider's log, then: newsletter resolve TARGET --mark-sent or --send-again"
        )
    )


def _say_sent(sent: "Sent") -> None:
    release, counts = sent.release, sent.counts
    accepted = counts.get("accepted", 0)
    other = ", ".join(f"{number(n)} {state}" for state, n in sorted(counts.items()) if state != "accepted")
    reason = f": {release.reason}" if release.reason else ""
    say(
        f"{utc(release.due_at)}  {release.target:<28} {release.state.value}{reason}  "
        f"{number(accepted)} of {number(release.planned)} accepted{', ' + other if other else ''}"
    )
