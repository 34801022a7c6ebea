"""What a person sees: one idea a line, columns aligned, at most one colour; plain without a terminal."""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

from newsletter.domain.finding import Finding, Severity, open_of
from newsletter.errors import NewsletterError

_MUTED, _ACCENT, _ERROR, _BOLD, _RESET = "\033[2m", "\033[36m", "\033[31m", "\033[1m", "\033[0m"


def say(text: str = "") -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


def muted(text: str) -> str:
    """Tone down what matters less."""
    return _styled(text, _MUTED)


def strong(text: str) -> str:
    """Stress what matters most."""
    return _styled(text, _BOLD)


def accent(text: str) -> str:
    """Show what to do next."""
    return _styled(text, _ACCENT)


def red(text: str) -> str:
    """Show an error."""
    return _styled(text, _ERROR)


def complain(error: NewsletterError) -> None:
    """Print why a command failed, on the error stream; findings that block it come first."""
    findings: Sequence[Finding] = getattr(error, "findings", ())
    if findings:
        say_findings(findings)
    sys.stderr.write(f"newsletter: {error}\n")


def say_table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = (), indent: str = ""
) -> None:
    """Print aligned columns; those named in `right` are numbers."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(_width(row[n]) for row in [list(header), *cells]) for n in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = [
            " " * (widths[n] - _width(value)) + value
            if n in right
            else value + " " * (widths[n] - _width(value))
            for n, value in enumerate(row)
        ]
        return (indent + "  ".join(padded)).rstrip()

    say(muted(line(header)))
    for row in cells:
        say(line(row))


def say_json(value: object) -> None:
    """Print a value as JSON, with everything that the eye sees."""
    say(json.dumps(_plain(value), ensure_ascii=False, indent=2))


def say_findings(findings: Iterable[Finding]) -> None:
    """Print findings by what they are about, the worst first: place, what, why, mend, source."""
    found = list(dict.fromkeys(findings))
    weights = list(Severity)
    for target in dict.fromkeys(one.target for one in found if not one.acknowledged):
        about = [one for one in found if one.target == target and not one.acknowledged]
        say(strong(target or "the letter"))
        for one in sorted(about, key=lambda one: weights.index(one.severity)):
            _say_finding(one)
        say()
    if let_stand := [one for one in found if one.acknowledged]:
        say(strong("acknowledged"))
        for one in let_stand:
            say(f"  {one.target or one.place}  {one.what}: {one.acknowledged}  {muted(one.rule)}")
        say()


def counted(findings: Sequence[Finding]) -> str:
    """Count findings in words, by how much they weigh."""
    names = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "remark"}
    standing = open_of(findings)
    counts = {name: sum(one.severity is weight for one in standing) for weight, name in names.items()}
    words = [f"{number(count)} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count]
    if let_stand := len(findings) - len(standing):
        words.append(f"{number(let_stand)} acknowledged")
    return ", ".join(words) or "nothing found"


def _say_finding(found: Finding) -> None:
    paint: Callable[[str], str] = red if found.severity is Severity.ERROR else accent
    say(f"  {found.place}  {paint(found.severity.value)}  {found.what}  {muted(found.rule)}")
    for name in ("why", "mend", "source"):
        if text := getattr(found, name):
            say(f"      {muted(f'{name:<6}')}  {text}")


def local(instant: datetime, zone: str) -> str:
    """Show an instant as people of a zone say it."""
    return f"{instant.astimezone(ZoneInfo(zone)):%a %d %b %Y %H:%M} {zone}"


def slot_time(instant: datetime, zone: str, day: date | None, each_zone: time | None) -> str:
    """Show when a slot comes: in the zone of its cadence, or in everybody's own."""
    if each_zone is None or day is None:
        return local(instant, zone)
    return f"{day:%a %d %b %Y} {each_zone:%H:%M} each zone"


def utc(instant: datetime) -> str:
    """Show an instant in UTC."""
    return f"{instant:%Y-%m-%d %H:%M}Z"


def recipients(count: int) -> str:
    """Count recipients in words."""
    return f"{number(count)} recipients" if count != 1 else "1 recipient"


def number(value: int) -> str:
    """Show a number with thousands separators."""
    return f"{value:,}"


def bar(share: float, width: int = 20) -> str:
    """Draw a share of the whole as a bar, to an eighth of a character; nothing without a terminal."""
    if not sys.stdout.isatty():
        return ""
    eighths = round(min(max(share, 0), 1) * width * 8)
    if share > 0:
        # Somebody is not nobody, however many the others are.
        eighths = max(eighths, 1)
    full, rest = divmod(eighths, 8)
    return "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")


def _cell(value: object) -> str:
    return number(value) if isinstance(value, int) else str(value)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _styled(text: str, style: str) -> str:
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"{style}{text}{_RESET}"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return value
