"""Why a mail did not arrive, and when an address is not mailed any more.

Enhanced codes are those of RFC 3463 and its registry at IANA; what they mean in practice is by the
documentation of the large mailbox providers as of 2026.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Bounce(StrEnum):
    """What a mail that did not arrive says about its address; the later in this list, the graver."""

    #: Policy, reputation, content or configuration: it says nothing about the address.
    BLOCK = "block"
    #: A full mailbox, a server that is away, or a refusal that nobody can read: it counts.
    SOFT = "soft"
    #: Most likely there is no such mailbox.
    LIKELY = "likely"
    #: There is no such mailbox.
    HARD = "hard"
    #: The provider sends nothing there any more, because of an earlier complaint.
    UNWANTED = "unwanted"


class Suppressed(StrEnum):
    """Why an address is not mailed any more; the later in this list wins.

    Any other reason wins over these, but for FORGOTTEN: that one gives way to what says that nobody is there,
    or wants no mail.
    """

    SOFT_BOUNCES = "soft bounces"
    HARD_BOUNCE = "hard bounce"
    COMPLAINT = "complaint"


#: Why the address of somebody who was forgotten is not mailed: no list brings it back, only they themselves.
FORGOTTEN = "forgotten"
#: Soft bounces of so many issues in a row count, over more than this time, as an address that is gone.
STRIKES = 3
STRIKES_SPAN = timedelta(days=14)
#: Bounces of so many issues in a row that most likely mean that there is no such mailbox.
LIKELY_STRIKES = 2

#: The cause by the enhanced code, where the text does not matter. The longest beginning counts.
_CAUSES = {
    "5.1.0": Bounce.LIKELY, "5.1.1": Bounce.HARD, "5.1.2": Bounce.HARD, "5.1.3": Bounce.HARD,
    "5.1.6": Bounce.HARD, "5.1.10": Bounce.HARD, "5.1.7": Bounce.BLOCK, "5.1.8": Bounce.BLOCK,
    "4.2.1": Bounce.BLOCK, "5.2.3": Bounce.BLOCK, "5.3.4": Bounce.BLOCK, "4.5.3": Bounce.BLOCK,
    "5.5": Bounce.BLOCK, "5.6": Bounce.BLOCK, "4.7": Bounce.BLOCK, "5.7": Bounce.BLOCK,
}  # fmt: skip
#: Gmail says 5.2.1 of a mailbox that is disabled and of one that gets mail too fast.
_AMBIGUOUS = "5.2.1"
_IS_GONE = re.compile(r"inactive|disabled|suspended|does not exist|deactivated", re.IGNORECASE)
_IS_PACE = re.compile(r"\brate\b|too (?:fast|many|quickly)|quota of messages", re.IGNORECASE)
#: What large providers write into a refusal that is about the sender or the mail.
_IS_BLOCK = re.compile(
    r"\b(?:SC|RP|DY|OU)-00\d|\bTS\d\d\b|\bPH\d\d\b|black-?list|block-?list|\bblocked\b|\bspam|\bpolic(?:y|ies)\b"
    r"|reputation|\bDMARC\b|\bDKIM\b|\bSPF\b|spamhaus",
    re.IGNORECASE,
)
_NO_MAILBOX_REPLY = 550
_CODES = re.compile(r"(?<![\d.])([45]\d\d)(?:[ -]+#?([45]\.\d{1,3}\.\d{1,3}))?(?![\d.])")
_ENHANCED = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")


def classify(text: str, reply: int | None = None, enhanced: str = "") -> Bounce:
    """Tell what a refusal says about an address; codes that are not given are read from the text."""
    said = _CODES.search(text)
    reply = reply or (int(said[1]) if said else None)
    enhanced = enhanced or (said[2] if said and said[2] else "") or _enhanced_in(text)
    if enhanced == _AMBIGUOUS:
        return _ambiguous(text)
    cause = _cause(enhanced)
    if cause is not None:
        return cause
    if not enhanced and _IS_BLOCK.search(text):
        return Bounce.BLOCK
    # Without an enhanced code it is an unknown mailbox more often than not.
    return Bounce.LIKELY if not enhanced and reply == _NO_MAILBOX_REPLY else Bounce.SOFT


@dataclass(frozen=True)
class Tried:
    """What became of one mail to a person, in the order in which they were made out."""

    made_at: datetime
    is_delivered: bool
    bounce: Bounce | None = None
    bounced_at: datetime | None = None

    @property
    def arrived(self) -> bool:
        # Who has got the mail and sends an automatic answer bounces softly all the same.
        return self.is_delivered and self.bounce not in (Bounce.HARD, Bounce.UNWANTED)

    @property
    def is_strike(self) -> bool:
        return not self.arrived and self.bounce not in (None, Bounce.BLOCK)


def struck_out_at(history: Iterable[Tried]) -> datetime | None:
    """Tell since when an address counts as gone by its latest bounces in a row; a mail that arrives resets.

    The order in which the history is given does not matter.
    """
    strikes: list[Tried] = []
    for tried in sorted(history, key=lambda one: (one.made_at, one.bounced_at or one.made_at)):
        if tried.arrived:
            strikes = []
        elif tried.is_strike:
            strikes.append(tried)
    for number, last in enumerate(strikes, 1):
        so_far = strikes[:number]
        likely = sum(one.bounce is not Bounce.SOFT for one in so_far)
        is_long = last.made_at - so_far[0].made_at > STRIKES_SPAN
        if likely >= LIKELY_STRIKES or (number >= STRIKES and is_long):
            return last.bounced_at or last.made_at
    return None


def _cause(enhanced: str) -> Bounce | None:
    subject = enhanced.rpartition(".")[0]
    return _CAUSES.get(enhanced) or _CAUSES.get(subject)


def _ambiguous(text: str) -> Bounce:
    if _IS_PACE.search(text):
        return Bounce.BLOCK
    return Bounce.HARD if _IS_GONE.search(text) else Bounce.SOFT


def _enhanced_in(text: str) -> str:
    found = _ENHANCED.search(text)
    return found[0] if found else ""
