"""Instants as a calendar file (RFC 5545), for whoever wants to see them beside their own."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: In octets, without the line break (RFC 5545 §3.1).
_LONGEST_LINE = 75
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": ""})


@dataclass(frozen=True)
class Entry:
    """One instant in a calendar; `uid` stays the same when it moves."""

    uid: str
    at: datetime
    lasts: timedelta
    title: str
    text: str


def to_ics(entries: Iterable[Entry], now: datetime) -> str:
    """Write a calendar, every instant in UTC, so that no reader has to know our zones."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//newsletter//plan//EN"]
    for one in entries:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_escaped(one.uid)}",
            f"DTSTAMP:{_utc(now)}",
            f"DTSTART:{_utc(one.at)}",
            f"DTEND:{_utc(one.at + one.lasts)}",
            f"SUMMARY:{_escaped(one.title)}",
            f"DESCRIPTION:{_escaped(one.text)}",
            "END:VEVENT",
        ]
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)


def _folded(line: str) -> str:
    """Break a line before it is too long, never inside a character; a continuation begins with a space."""
    parts, size = [""], 0
    for char in line:
        width = len(char.encode())
        if size + width > _LONGEST_LINE:
            parts.append(" ")
            size = 1
        parts[-1] += char
        size += width
    return "\r\n".join(parts)
