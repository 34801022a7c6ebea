"""The tables of a series file, and what each value must be."""

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from email.utils import getaddresses
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field

from newsletter.content.strict_toml import StrictTable, Unusable
from newsletter.content.toml_lines import KeyPath
from newsletter.content.zone_names import usable_zone
from newsletter.domain import segment
from newsletter.domain.cadence import WEEKDAYS, Cadence
from newsletter.domain.series import Archive, Mode, SectionRef
from newsletter.domain.slugs import is_slug, offer, slugify
from newsletter.domain.unknown import Policy
from newsletter.errors import LetterError, Place

HOLD_IF_LATE_BY = "6h"

_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?")
_WALL_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise Unusable(f"{text!r} has a line break or a control character in it", mend="write it on one line")
    return text.strip()


def _not_empty(text: str) -> str:
    if not _one_line(text):
        raise Unusable("the title is empty", mend="write what the series is called")
    return text.strip()


def _slug(text: str) -> str:
    if not is_slug(text):
        raise Unusable(f"the id {text!r} cannot be used", mend=f"write {slugify(text, fallback='issue')!r}")
    return text


def _section_ref(text: str) -> str:
    article, mark, section = text.partition("#")
    if not mark or not is_slug(article) or not is_slug(section):
        raise Unusable(f"{text!r} does not name a section", mend="write article#section")
    return text


def _sender(text: str) -> str:
    found = getaddresses([_one_line(text)])
    address = found[0][1] if len(found) == 1 else ""
    try:
        checked = validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as cause:
        raise Unusable(
            f"{text!r} is not an address",
            mend='write "Name <address>", with a name that has a comma in \'"quotes" <address>\'',
        ) from cause
    # A domain in another script is sent in its ASCII form; the rest stays as it was written.
    return text.strip().replace(address, checked.ascii_email or address)


def _reply_to(text: str) -> str:
    return _sender(text) if text.strip() else ""


def _mode(text: str) -> str:
    if text not in list(Mode):
        raise Unusable(f"there is no mode {text!r}", mend='write "calendar" or "sequence"')
    return text


def _audience(text: str) -> str:
    try:
        if text:
            segment.read(text)
    except LetterError as error:
        raise Unusable(f"the audience cannot be read: {error.message}", mend=error.mend) from error
    return text


def _archive(text: str) -> str:
    if text not in list(Archive):
        raise Unusable(f"there is no archive {text!r}", mend='write "none" or "public"')
    return text


def _policy(text: str) -> str:
    if text not in list(Policy):
        raise Unusable(f"there is no policy {text!r}", mend='write "hold", "resend" or "skip"')
    return text


def _weekday(text: str) -> str:
    if text.lower() not in WEEKDAYS:
        raise Unusable(f"there is no weekday {text!r}", mend=offer(text.lower(), WEEKDAYS))
    return text.lower()


def _wall_time(text: str) -> str:
    if not _WALL_TIME.fullmatch(text):
        raise Unusable(f"{text!r} is not a time of day", mend='write it like "09:00"')
    return text


def _reason(text: str) -> str:
    if not _one_line(text):
        raise Unusable("a reason is empty", mend="write why the finding may stand")
    return text.strip()


def _lateness(text: str) -> str:
    found = _DURATION.fullmatch(text)
    if not found or not duration(text):
        raise Unusable(f"{text!r} is not a length of time", mend='write it like "6h", "90m" or "2d"')
    return text


def duration(text: str) -> timedelta:
    """Read "2d", "6h", "90m" or several of them in a row."""
    found = _DURATION.fullmatch(text)
    days, hours, minutes = (int(part or 0) for part in (found.groups() if found else ("", "", "")))
    return timedelta(days=days, hours=hours, minutes=minutes)


def section_ref(text: str) -> SectionRef:
    """Read `article#section`."""
    article, _, section = text.partition("#")
    return SectionRef(article, section)


Line = Annotated[str, AfterValidator(_one_line)]
Slug = Annotated[str, AfterValidator(_slug)]
Ref = Annotated[str, AfterValidator(_section_ref)]
Reason = Annotated[str, AfterValidator(_reason)]


class CadenceTable(StrictTable):
    """When the issues go out."""

    weekday: Annotated[str, AfterValidator(_weekday)]
    time: Annotated[str, AfterValidator(_wall_time)]
    zone: Annotated[str, AfterValidator(usable_zone)] = Field(default="", validate_default=True)
    subscriber_zone: bool = False
    starts: date
    skip: list[date] = []

    def to_cadence(self, place_of: Callable[[KeyPath], Place]) -> Cadence:
        """Return the cadence that the table describes, with the places of what a check may find."""
        return Cadence(
            weekday=WEEKDAYS.index(self.weekday),
            time=time.fromisoformat(self.time),
            zone=self.zone,
            starts=self.starts,
            skip=frozenset(self.skip),
            subscriber_zone=self.subscriber_zone,
            places={
                "time": place_of(("cadence", "time")),
                **{str(day): place_of(("cadence", "skip", at)) for at, day in enumerate(self.skip)},
            },
        )


class IssueTable(StrictTable):
    """One `[[issue]]`; a missing subject or preheader is found by `check`."""

    id: Slug
    title: Line = ""
    subject: Line = ""
    preheader: Line = ""
    previously: list[Slug] = []
    acknowledge: dict[str, Reason] = {}
    sections: Annotated[list[Ref], Field(min_length=1)]


class SeriesTable(StrictTable):
    """A whole series file."""

    title: Annotated[str, AfterValidator(_not_empty)]
    sender: Annotated[str, AfterValidator(_sender)] = Field(alias="from")
    reply_to: Annotated[str, AfterValidator(_reply_to)] = ""
    mode: Annotated[str, AfterValidator(_mode)] = "calendar"
    hold_if_late_by: Annotated[str, AfterValidator(_lateness)] = HOLD_IF_LATE_BY
    if_unknown: Annotated[str, AfterValidator(_policy)] = Policy.HOLD
    max_recipients: Annotated[int, Field(gt=0)] | None = None
    audience: Annotated[str, AfterValidator(_audience)] = ""
    archive: Annotated[str, AfterValidator(_archive)] = Archive.NONE
    welcome: bool = False
    provider: Line = ""
    layout: Line = ""
    leave_out: list[Ref] = []
    previously: list[Slug] = []
    acknowledge: dict[str, Reason] = {}
    cadence: CadenceTable
    issue: Annotated[list[IssueTable], Field(min_length=1)]
