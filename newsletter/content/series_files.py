"""A series file to a Series and back; what is written reads back as the same Series."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta

from newsletter.content.series_tables import SeriesTable, duration, section_ref
from newsletter.content.strict_toml import line_of, read_toml
from newsletter.content.toml_lines import KeyPath
from newsletter.domain.cadence import WEEKDAYS, Cadence
from newsletter.domain.finding import Acknowledgement
from newsletter.domain.series import Archive, Issue, Mode, Series
from newsletter.domain.slugs import is_slug, slugify
from newsletter.domain.unknown import Policy
from newsletter.errors import LetterError, Place

_WIDTH = 100
_COMMENT_AT = 33
_MEANT = {
    Mode.CALENDAR: "everyone gets issue n in week n",
    Mode.SEQUENCE: "each subscriber starts at issue 1",
}


def parse_series(text: str, *, slug: str, file: str) -> Series:
    """Read a series file; raises LetterError with the line of what cannot be used."""
    text = text.removeprefix("\ufeff")
    if not is_slug(slug):
        mend = f"rename the file to {slugify(slug, fallback='series')}.toml"
        raise LetterError(f"the name {slug!r} cannot be used for a series", place=Place(file), mend=mend)
    table = read_toml(text, file, SeriesTable)
    _refuse_contradictions(table, text, file)

    def place_of(path: KeyPath) -> Place:
        return Place(file, line_of(text, path))

    cadence = table.cadence.to_cadence(place_of)
    _refuse_skips(table.cadence.skip, cadence)
    return Series(
        slug=slug,
        title=table.title,
        sender=table.sender,
        reply_to=table.reply_to,
        cadence=cadence,
        hold_if_late_by=duration(table.hold_if_late_by),
        if_unknown=Policy(table.if_unknown),
        max_recipients=table.max_recipients,
        audience=table.audience,
        archive=Archive(table.archive),
        has_welcome=table.welcome,
        provider=table.provider,
        provider_place=place_of(("provider",)),
        issues=tuple(
            Issue(
                id=issue.id,
                subject=issue.subject,
                preheader=issue.preheader,
                sections=tuple(map(section_ref, issue.sections)),
                place=place_of(("issue", at)),
                title=issue.title,
                previously=tuple(issue.previously),
                acknowledge=_acknowledged(issue.acknowledge, place_of, ("issue", at, "acknowledge")),
            )
            for at, issue in enumerate(table.issue)
        ),
        leave_out=tuple(map(section_ref, table.leave_out)),
        place=Place(file),
        mode=Mode(table.mode),
        previously=tuple(table.previously),
        acknowledge=_acknowledged(table.acknowledge, place_of, ("acknowledge",)),
        layout=table.layout,
        layout_place=place_of(("layout",)),
    )


def _acknowledged(
    reasons: Mapping[str, str], place_of: Callable[[KeyPath], Place], path: KeyPath
) -> tuple[Acknowledgement, ...]:
    return tuple(Acknowledgement(rule, reason, place_of((*path, rule))) for rule, reason in reasons.items())


def _refuse_contradictions(table: SeriesTable, text: str, file: str) -> None:
    def refuse(path: KeyPath, message: str, mend: str) -> LetterError:
        return LetterError(message, place=Place(file, line_of(text, path)), mend=mend)

    ids: set[str] = set()
    for at, issue in enumerate(table.issue):
        if issue.id in ids:
            raise refuse(("issue", at, "id"), f"two issues have the id {issue.id!r}", "give one a new id")
        ids.add(issue.id)
        for place, ref in enumerate(issue.sections):
            if ref in issue.sections[:place]:
                message = f"issue {issue.id!r} names the section {ref!r} twice"
                raise refuse(("issue", at, "sections", place), message, "remove one")
    for at, issue in enumerate(table.issue):
        for place, old in enumerate(issue.previously):
            if old in ids:
                message = f"{old!r} is an old id of issue {issue.id!r} and the id of an issue now"
                raise refuse(("issue", at, "previously", place), message, "old ids cannot be used again")


def _refuse_skips(skip: Sequence[date], cadence: Cadence) -> None:
    for at, day in enumerate(skip):
        place = cadence.places[str(day)]
        if day in skip[:at]:
            raise LetterError(f"{day} is skipped twice", place=place, mend="remove one")
        if day.weekday() != cadence.weekday:
            message = f"{day} is a {WEEKDAYS[day.weekday()].capitalize()}, so there is nothing to skip"
            mend = f"write the date of a {cadence.weekday_name}; the nearest is {cadence.nearest(day)}"
            raise LetterError(message, place=place, mend=mend)


def write_series(series: Series) -> str:
    """Write a series file as an editor would like to find it."""
    cadence = series.cadence
    lines = [
        f"title = {_text(series.title)}",
        f"from = {_text(series.sender)}",
        f"reply_to = {_text(series.reply_to)}",
        _noted(f"mode = {_text(series.mode)}", _MEANT[series.mode]),
        _noted(
            f"hold_if_late_by = {_text(_duration(series.hold_if_late_by))}",
            "a slot found later than this is held and shown, not sent",
        ),
        *_if_changed(series),
        *_list("leave_out", series.leave_out, "sections of its articles that no issue uses, on purpose"),
        *(_list("previously", series.previously) if series.previously else ()),
        *_reasons(series.acknowledge),
        "",
        "[cadence]",
        f"weekday = {_text(WEEKDAYS[cadence.weekday])}",
        f"time = {_text(f'{cadence.time:%H:%M}')}",
        f"zone = {_text(cadence.zone)}",
        _noted(
            f"subscriber_zone = {str(cadence.subscriber_zone).lower()}",
            f"true: {cadence.time:%H:%M} in each subscriber's own zone",
        ),
        _noted(f"starts = {cadence.starts}", "a past date means the next slot, with a note"),
        f"skip = [{', '.join(map(str, sorted(cadence.skip)))}]",
    ]
    for issue in series.issues:
        lines += ["", *_issue(issue)]
    return "\n".join(lines) + "\n"


def _issue(issue: Issue) -> list[str]:
    return [
        "[[issue]]",
        f"id = {_text(issue.id)}",
        *([f"title = {_text(issue.title)}"] if issue.title else []),
        f"subject = {_text(issue.subject)}",
        f"preheader = {_text(issue.preheader)}",
        *(_list("previously", issue.previously) if issue.previously else []),
        *_reasons(issue.acknowledge),
        *_list("sections", issue.sections),
    ]


def _list(key: str, values: Iterable[object], note: str = "") -> Sequence[str]:
    texts = [_text(str(value)) for value in values]
    line = f"{key} = [{', '.join(texts)}]"
    if len(line) <= _WIDTH:
        return [_noted(line, note)]
    return [_noted(f"{key} = [", note), *(f"    {text}," for text in texts), "]"]


def _reasons(acknowledged: Sequence[Acknowledgement]) -> list[str]:
    pairs = ", ".join(f"{_text(one.rule)} = {_text(one.reason)}" for one in acknowledged)
    return [f"acknowledge = {{ {pairs} }}"] if acknowledged else []


def _if_changed(series: Series) -> list[str]:
    lines = []
    if series.if_unknown is not Policy.HOLD:
        lines.append(f"if_unknown = {_text(series.if_unknown)}")
    if series.max_recipients is not None:
        lines.append(f"max_recipients = {series.max_recipients}")
    if series.audience:
        lines.append(f"audience = {_text(series.audience)}")
    if series.archive is not Archive.NONE:
        lines.append(f"archive = {_text(series.archive)}")
    if series.has_welcome:
        lines.append("welcome = true")
    if series.provider:
        lines.append(f"provider = {_text(series.provider)}")
    if series.layout:
        lines.append(f"layout = {_text(series.layout)}")
    return lines


def _noted(line: str, note: str) -> str:
    return f"{line.ljust(_COMMENT_AT - 1)} # {note}" if note else line


def _text(value: str) -> str:
    # JSON's escapes are TOML's, but for DEL, which only JSON lets stand.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _duration(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    if minutes % 60:
        return f"{minutes}m"
    return f"{minutes // 60}h" if minutes % 1440 or minutes == 1440 else f"{minutes // 1440}d"
