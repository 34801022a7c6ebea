"""What is looked at before anything is sent, and what was found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What came of a look."""

    OK = "ok"
    #: Nothing arrives, or `run` refuses, until it is mended.
    BLOCKS = "blocks sending"
    #: Mails go out, and something is worse than it should be.
    PROBLEM = "problem"
    #: It may be well or not: the mend says who can tell.
    UNCHECKED = "could not check"


@dataclass(frozen=True)
class Checked:
    """One thing that was looked at: `said` is what was found, `mend` what to do about it."""

    what: str
    verdict: Verdict
    said: str
    mend: str = ""


@dataclass(frozen=True)
class Examination:
    """What a provider tells of its account.

    `dkim` has the full names of the records that it signs with, by sending domain; `bounces` the domain of
    the envelope, which SPF is looked up for, where it is known.
    """

    checked: Sequence[Checked] = ()
    dkim: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bounces: Mapping[str, str] = field(default_factory=dict)


def ok(what: str, said: str) -> Checked:
    """Say that something is as it should be."""
    return Checked(what, Verdict.OK, said)


def blocks(what: str, said: str, mend: str) -> Checked:
    """Say that nothing can be sent like this."""
    return Checked(what, Verdict.BLOCKS, said, mend)


def problem(what: str, said: str, mend: str) -> Checked:
    """Say that something should be mended, and that mails go out meanwhile."""
    return Checked(what, Verdict.PROBLEM, said, mend)


def unchecked(what: str, said: str, mend: str = "") -> Checked:
    """Say that something could not be looked at, and why."""
    return Checked(what, Verdict.UNCHECKED, said, mend)


def is_ready(checked: Iterable[Checked]) -> bool:
    """Tell whether nothing blocks sending; what could not be checked blocks nothing."""
    return all(one.verdict is not Verdict.BLOCKS for one in checked)


#: In bytes. A release of a million people takes some 200 MB, and the log of the database as much again.
LITTLE_ROOM, NO_ROOM = 1_000_000_000, 100_000_000


def judge_room(free: int) -> Checked:
    """Say whether the disk of the database has room, in bytes."""
    what, said = "free space", f"{free / 1e9:,.1f} GB beside the database"
    if free < NO_ROOM:
        return blocks(what, said, "make room: outcomes could not be recorded")
    if free < LITTLE_ROOM:
        return problem(what, said, "make room before a large issue is released")
    return ok(what, said)
