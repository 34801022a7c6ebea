"""A letter with a sequence of four issues, and what its people got, week by week."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from letter_cast import FIRST, SERIES_FILE, Office, Service, write_letter

ISSUES = ("one", "two", "three", "four")
WEEK = timedelta(weeks=1)

HEAD = """title = "Back pain"
from = "Back Care Weekly <weekly@news.example.org>"
mode = "sequence"
leave_out = ["back#neck"]

[cadence]
weekday = "tuesday"
time = "09:00"
zone = "Europe/London"
subscriber_zone = {subscriber_zone}
starts = 2026-12-01
"""
ISSUE = """
[[issue]]
id = "{id}"
subject = "{subject}"
preheader = "A sore lower back rarely has one cause; here is what massage may add."
sections = ["back#introduction"]
"""


def write_sequence(
    root: Path,
    ids: Sequence[str] = ISSUES,
    subjects: dict[str, str] | None = None,
    *,
    subscriber_zone: bool = False,
) -> None:
    """Write the series file with these issues in this order."""
    head = HEAD.format(subscriber_zone=str(subscriber_zone).lower())
    bodies = [
        ISSUE.format(id=id_, subject=(subjects or {}).get(id_, f"Part {id_}: where the ache comes from"))
        for id_ in ids
    ]
    (root / SERIES_FILE).write_text(head + "".join(bodies))


def open_sequence(root: Path, url: str, *names: str, subscriber_zone: bool = False) -> Office:
    """Open an office on a letter whose only series is a sequence, all of it approved."""
    write_letter(root)
    with (root / "newsletter.toml").open("a") as settings:
        settings.write(f'\n[database]\nurl = "{url}"\n')
    write_sequence(root, subscriber_zone=subscriber_zone)
    office = Office(root)
    office.connect()
    office.join(*names).queue()
    return office


def tuesday(number: int) -> datetime:
    """Return the instant of a slot, from 1."""
    return FIRST + (number - 1) * WEEK


def weeks_until(office: Office, number: int) -> None:
    """Send until shortly after a slot."""
    office.run(tuesday(number) + timedelta(hours=1))


def got(service: Service) -> dict[str, list[str]]:
    """Tell who got which issues, in the order in which they came, as "week issue"."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for at, issue, name in sorted(service.log):
        found[name].append(f"{1 + (at - FIRST) // WEEK} {issue}")
    return dict(found)
