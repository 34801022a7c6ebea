"""Operate: doctor, and the table of providers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import letter
from newsletter.cli.printing import accent, muted, number, red, say, say_json, say_table
from newsletter.domain.diagnosis import Checked, Verdict, is_ready
from newsletter.domain.provider import Capabilities, OneClick, Recovery, Shape

if TYPE_CHECKING:
    from newsletter.providers.declaring import Declared

NOT_READY = 3
_COLUMNS = ["provider", "mail", "call of", "MB", "one-click", "unknown outcome", "idempotency", "reports"]
_SHAPES = {Shape.MESSAGES: "complete", Shape.TEMPLATE: "template"}
_ONE_CLICK = {
    OneClick.OWN: "each its own",
    OneClick.ALONE: "in calls of one",
    OneClick.REPLACED: "the provider's",
}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", rich_help_panel="Operate")(doctor)


def doctor(
    ctx: typer.Context,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody beyond this machine.")] = False,
    selector: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A DKIM key of yours, by its selector; may be repeated."),
    ] = None,
    name_server: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Ask this name server instead of the machine's."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether this letter can be sent, and what to mend: settings, database, provider, DNS, public pages.

    It changes nothing and mails nobody. It ends with 3 where something blocks sending.

    Example: newsletter doctor
    """
    from newsletter.doctoring import Reach, examine  # noqa: PLC0415 - slow to import

    found = examine(letter(ctx), Reach(offline, name_server, tuple(selector or ())))
    if as_json:
        say_json({"ready": is_ready(found), "checked": found})
    else:
        _say_checked(found)
    if not is_ready(found):
        raise typer.Exit(NOT_READY)


def say_providers(found: Sequence["Declared"]) -> None:
    """Print what each provider can do, and below it what that costs."""
    say_table(_COLUMNS, [_row(one) for one in found], right=(2, 3))
    costs = [one.capabilities for one in found if one.capabilities.cost]
    if costs:
        say()
    for one in costs:
        say(f"{one.name}: {one.cost}")
    say()
    say(muted("name one in [provider], then: newsletter doctor"))


def _row(one: "Declared") -> tuple[str, ...]:
    can = one.capabilities
    return (
        can.name,
        _SHAPES[can.shape],
        number(can.batch_size),
        number(can.byte_limit // 1_000_000) if can.byte_limit else "–",
        _ONE_CLICK[can.one_click],
        _settled(can),
        _idempotency(can),
        "understood" if one.hears else "–",
    )


def _settled(can: Capabilities) -> str:
    match can.recovery:
        case Recovery.KEY:
            return "the same call again"
        case Recovery.RECIPIENT_DEDUPE:
            return "the same call again"
        case Recovery.QUERY:
            return f"its log, {_span(can.settles_after)} later"
        case Recovery.EVENTS:
            return "its events"
        case Recovery.NONE:
            return "by a person"


def _idempotency(can: Capabilities) -> str:
    if can.recovery is Recovery.KEY:
        return f"by key, {_span(can.key_ttl)}"
    return "by recipient" if can.recovery is Recovery.RECIPIENT_DEDUPE else "–"


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def _say_checked(found: Sequence[Checked]) -> None:
    verdicts, whats = max(len(one) for one in Verdict), max((len(one.what) for one in found), default=0)
    for one in found:
        said = one.verdict.value.ljust(verdicts)
        paint = red if one.verdict is Verdict.BLOCKS else muted if one.verdict is Verdict.OK else accent
        say(f"{paint(said)}  {one.what.ljust(whats)}  {one.said}")
        if one.mend:
            say(f"{'':{verdicts}}  {'':{whats}}  {muted('mend')} {one.mend}")
    say()
    say(_conclusion(found))


def _conclusion(found: Sequence[Checked]) -> str:
    counts = {verdict: sum(one.verdict is verdict for one in found) for verdict in Verdict}
    unknown = f"; {counts[Verdict.UNCHECKED]} could not be checked" if counts[Verdict.UNCHECKED] else ""
    if counts[Verdict.BLOCKS]:
        return f"not ready: {counts[Verdict.BLOCKS]} in the way{unknown}"
    worse = f"; {counts[Verdict.PROBLEM]} to mend" if counts[Verdict.PROBLEM] else ""
    return f"nothing blocks sending{worse}{unknown}"
