"""What the pages for joining and choosing ask for: they know no store and no key.

A token that is not ours, changed, cut short or expired is None, never an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from html import escape
from typing import Protocol
from zoneinfo import ZoneInfo

from newsletter.domain.lifecycle import agreement

#: Nobody reads a form and fills it in within less.
SHORTEST_FILL = timedelta(seconds=2)
FORM_LASTS = timedelta(days=1)
UNDO_LASTS = timedelta(hours=1)
CHOOSE_LASTS = timedelta(days=1)
#: What has no place in a name, and makes an advertisement of it.
_NO_NAME = ("://", "www.", "@", "/", "\\")


@dataclass(frozen=True)
class About:
    """What every page says of the letter, in its language, and of one series if it speaks of one."""

    letter_name: str
    language: str
    series: str = ""
    title: str = ""


@dataclass(frozen=True)
class Form:
    """A sign-up form: the sentence that is agreed to, and the proof of when it was shown."""

    about: About
    agreement: str
    token: str


@dataclass(frozen=True)
class Typed:
    """What came with a sign-up form; `trap` is a field that no person sees, `ip` the visitor's."""

    address: str = ""
    name: str = ""
    token: str = ""
    trap: str = ""
    ip: str = ""


class Came(Enum):
    """What came of a form."""

    #: Told to everybody alike, whether anybody knows the address or not.
    TAKEN = auto()
    #: The form was never shown, or too long ago, or filled in quicker than a person can.
    SHOW_AGAIN = auto()
    INVALID = auto()
    TOO_MANY = auto()
    NO_SUCH_THING = auto()


@dataclass(frozen=True)
class Reply:
    """What to answer; `error` says what is wrong with what was typed."""

    came: Came
    error: str = ""


class Stage(StrEnum):
    """How far somebody has come who holds a link to confirm."""

    WAITING = "waiting"
    JOINED = "joined"
    #: They left after the link was sent: it brings nobody back.
    OVER = "over"


@dataclass(frozen=True)
class Joining:
    """A request to join; `first` says when the first issue comes, where that is known."""

    about: About
    stage: Stage
    first: str = ""
    #: The token with which to see what is sent to them.
    choose: str = ""


@dataclass(frozen=True)
class Choice:
    """One series as a person has it; `first` is when its next issue comes."""

    series: str
    title: str
    standing: str
    paused_until: str = ""

    @property
    def is_on(self) -> bool:
        return self.standing == "active"


@dataclass(frozen=True)
class Choices:
    """What is sent to a person; who they are is there only for `is_owner`."""

    about: About
    series: Sequence[Choice]
    is_owner: bool = False
    address: str = ""
    name: str = ""
    zone: str = ""


@dataclass(frozen=True)
class Chosen:
    """What came of a choice, in one sentence; `choices` is None where the person is no more."""

    choices: Choices | None
    told: str = ""
    error: str = ""


class JoiningDesk(Protocol):
    """What the pages for joining need."""

    def form(self, series: str) -> Form | None:
        """Return the form of a series; None where there is no such series."""
        ...

    def ask(self, series: str, typed: Typed) -> Reply:
        """Take a form; whoever it is for is mailed a link to confirm, durably before it returns."""
        ...

    def look_up(self, token: str) -> Joining | None:
        """Read what a link to confirm would do; changes nothing."""
        ...

    def confirm(self, token: str, ip: str) -> Joining | None:
        """Let somebody join; again is the same."""
        ...


class ChoosingDesk(Protocol):
    """What the pages need on which people choose what they get."""

    def choices(self, token: str) -> Choices | None:
        """Read what is sent to a person; changes nothing."""
        ...

    def choose(self, token: str, act: str, values: "dict[str, str]", ip: str) -> Chosen | None:
        """Do what a person chose."""
        ...

    def data(self, token: str) -> bytes | None:
        """Write everything that is kept of a person as JSON, for them alone."""
        ...

    def look_up_address(self, token: str) -> About | None:
        """Read whether a link to confirm an address still does so; changes nothing."""
        ...

    def confirm_address(self, token: str, ip: str) -> "Came | None":
        """Let a person have the address that a link was mailed to."""
        ...


_FORM = """\
<form action="{url}/subscribe/{series}" method="post">
  <p>
    <label for="newsletter-address">Email address</label>
    <input id="newsletter-address" name="address" type="email" autocomplete="email" maxlength="254" required>
  </p>
  <p>{agreement}</p>
  <p><button type="submit">Subscribe</button></p>
</form>"""


def html_form(series: str, title: str, url: str) -> str:
    """Write a form for a page that is not ours: what comes from it is asked for once more on ours."""
    return _FORM.format(url=escape(url), series=series, agreement=escape(agreement(title)))


def fit_name(name: str) -> str:
    """Return a name that somebody typed; nothing for what is no name."""
    return "" if any(sign in name.lower() for sign in _NO_NAME) else name


def spell_instant(instant: datetime, zone: str) -> str:
    """Say when something comes, as a person in a zone would."""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{local:%A} {local.day} {local:%B} {local.year} at {local:%H:%M} ({zone})"
