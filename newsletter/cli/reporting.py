"""Subscribers: report."""

import csv
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.context import letter
from newsletter.cli.printing import accent, bar, local, muted, number, say, say_json, say_table, utc
from newsletter.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from newsletter.domain.clicks import Clicks
    from newsletter.domain.report import IssueReport, ReleaseReport, Report, Tally
    from newsletter.domain.subscriber import Verdict

_NUMBERS = ("accepted", "delivered", "bounced", "complained", "unsubscribed")
#: All of them, and those of them that look automatic.
_CLICKS = ("clicks", "automatic")
_REST = ("refused", "unknown", "on_its_way", "not_sent")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report", rich_help_panel="Subscribers")(report)


def report(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A series or an issue.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a line for each issue.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with each release.")] = False,
) -> None:
    """Say what became of an issue, or of each issue of a series, in numbers.

    Rehearsals never count. Nothing of ours tracks anybody: there is no number of readers, and there are
    clicks only where your provider counts them.

    Example: newsletter report back-pain --csv
    """
    if as_csv and as_json:
        raise Refused("--csv and --json are two forms of one report", mend="leave one out")
    found = letter(ctx).summing.report(target)
    if as_json:
        say_json(found)
    elif as_csv:
        _say_csv(found)
    elif len(found.issues) == 1:
        _say_issue(found, found.issues[0])
    else:
        _say_series(found)


def _say_issue(found: "Report", one: "IssueReport") -> None:
    say(f"{one.target}: {one.subject}" if one.subject else one.target)
    if one.first_at is None:
        _say_nothing(one)
        return
    say(f"{local(one.first_at, found.zone)}  {muted(utc(one.first_at))}")
    say()
    whole = one.tally.accepted
    rows = [(name, _count(one, name)) for name in _NUMBERS]
    rows += [(name.replace("_", " "), _count(one, name)) for name in _REST if _count(one, name)]
    say_table(
        ["", "people", "of accepted", ""],
        [(name, people, _share(people, whole), bar(people / whole if whole else 0)) for name, people in rows],
        right=(1, 2),
    )
    for cause, people in one.tally.bounces.items():
        say(f"  bounced, {_said(cause)}: {number(people)}")
    _say_clicks(one.clicks)
    _say_releases(found.releases)
    if one.tally.accepted and not (one.tally.delivered or one.tally.bounced):
        say(muted("delivered and bounced are what the provider reports later: see docs/webhooks.md"))


def _say_clicks(clicks: "Clicks") -> None:
    if not clicks.raw:
        return
    from newsletter.domain.clicks import SIGNS  # noqa: PLC0415 - `--help` stays fast

    rows = (("all", clicks.raw), ("automatic", clicks.automatic), ("others", clicks.others))
    say()
    say_table(
        ["", "clicks", "of all", ""],
        [(name, count, _share(count, clicks.raw), bar(count / clicks.raw)) for name, count in rows],
        right=(1, 2),
    )
    for sign, count in clicks.signs.items():
        say(f"  automatic, {SIGNS[sign]}: {number(count)}")


def _say_series(found: "Report") -> None:
    if not any(one.first_at for one in found.issues):
        say(f"{found.target}: nothing of it has been sent")
    most = max((one.tally.accepted for one in found.issues), default=0)
    names = (*_NUMBERS, *(_CLICKS if any(one.clicks.raw for one in found.issues) else ()))
    say_table(
        ["issue", "first sent", *names, ""],
        [
            (
                one.target,
                utc(one.first_at) if one.first_at else "only rehearsed" if one.rehearsed else "",
                *(_count(one, name) for name in names),
                bar(one.tally.accepted / most if most else 0),
            )
            for one in found.issues
        ],
        right=tuple(range(2, 2 + len(names))),
    )
    _say_releases(found.releases)
    if found.issues:
        say(accent(f"more of one: newsletter report {found.issues[0].target}"))


def _say_nothing(one: "IssueReport") -> None:
    if one.rehearsed:
        times = "once" if one.rehearsed == 1 else f"{number(one.rehearsed)} times"
        say(f"only rehearsed, {times}: nothing left this machine, and nothing is counted")
    else:
        say("nothing of it has been sent")
    say(accent("next: newsletter plan"))


def _say_releases(releases: "tuple[ReleaseReport, ...]") -> None:
    if not releases:
        return
    say()
    say_table(
        ["release", "due", "state", "accepted", "left out"],
        [
            (one.target, utc(one.due_at), one.state.value, one.tally.accepted, _left_out(one.left_out))
            for one in releases
        ],
        right=(3,),
    )


def _say_csv(found: "Report") -> None:
    from newsletter.domain.clicks import Sign  # noqa: PLC0415 - `--help` stays fast
    from newsletter.domain.report import BOUNCES, left_out_of  # noqa: PLC0415 - `--help` stays fast
    from newsletter.domain.subscriber import Verdict  # noqa: PLC0415

    causes = [f"bounced_{cause or 'without_cause'}" for cause in BOUNCES]
    verdicts = [verdict for verdict in Verdict if verdict is not Verdict.DUE]
    left = [f"left_out_{verdict.value}" for verdict in verdicts]
    out = csv.writer(sys.stdout, lineterminator="\n")
    signs = [f"clicks_{sign.value}" for sign in Sign]
    columns = [*_NUMBERS, *_REST, *causes, *left, "rehearsed", "clicks", "clicks_automatic", *signs]
    out.writerow(["issue", "first_sent", *columns])
    for one in found.issues:
        by_verdict = left_out_of(each for each in found.releases if each.target == one.target)
        out.writerow(
            [
                one.target,
                one.first_at.isoformat() if one.first_at else "",
                *(_count(one, name) for name in (*_NUMBERS, *_REST)),
                *(one.tally.bounces.get(cause, 0) for cause in BOUNCES),
                *(by_verdict.get(verdict, 0) for verdict in verdicts),
                one.rehearsed,
                one.clicks.raw,
                one.clicks.automatic,
                *(one.clicks.signs.get(sign, 0) for sign in Sign),
            ]
        )


def _count(one: "IssueReport", name: str) -> int:
    if name == "unsubscribed":
        return one.unsubscribed
    if name in _CLICKS:
        return one.clicks.raw if name == "clicks" else one.clicks.automatic
    return _of_tally(one.tally, name)


def _of_tally(tally: "Tally", name: str) -> int:
    return int(getattr(tally, name))


def _share(people: int, whole: int) -> str:
    return f"{people / whole:.1%}" if whole else ""


def _said(cause: str) -> str:
    from newsletter.domain.report import BOUNCES  # noqa: PLC0415 - `--help` stays fast

    return BOUNCES[cause]


def _left_out(by_verdict: "Mapping[Verdict, int]") -> str:
    return ", ".join(
        f"{number(people)} {verdict.value.replace('_', ' ')}" for verdict, people in by_verdict.items()
    )
