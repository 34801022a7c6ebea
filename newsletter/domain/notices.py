"""Mails that are no issue: somebody asked for them, and waits. Nothing that a visitor typed stands in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from newsletter.domain.bouncing import FORGOTTEN
from newsletter.domain.dress import Dress
from newsletter.domain.letter import Publication
from newsletter.domain.lifecycle import can_confirm
from newsletter.domain.notice_page import notice_page
from newsletter.domain.pieces import Field, Pieces, fence, split, strip_fences
from newsletter.domain.revision import Revision
from newsletter.domain.subscriber import Consent
from newsletter.domain.tokens import Purpose


class Notice(StrEnum):
    """The slugs of notices, which no issue of a series can have."""

    CONFIRM = "_confirm"
    ALREADY = "_already"
    DETAILS = "_details"
    MOVE = "_move"
    WELCOME = "_welcome"


@dataclass(frozen=True)
class Door:
    """Where the one link of a notice leads: what its token allows, for how long, under which path.

    None is for ever.
    """

    purpose: Purpose
    path: str
    lasts: timedelta | None


_DAY = timedelta(days=1)
DETAILS = Door(Purpose.DETAILS, "p", _DAY)
DOORS = {
    Notice.CONFIRM: Door(Purpose.CONFIRM, "c", 7 * _DAY),
    Notice.ALREADY: DETAILS,
    Notice.DETAILS: DETAILS,
    Notice.MOVE: Door(Purpose.MOVE, "m", _DAY),
    Notice.WELCOME: Door(Purpose.CHOOSE, "p", None),
}
#: They ask for a wish, so they may go to an address that was forgotten by the wish of its owner.
_ASKING = (Notice.CONFIRM, Notice.MOVE)
LINK = Field("action_url")


@dataclass(frozen=True)
class _Words:
    subject: str
    before: tuple[str, ...]
    button: str
    after: tuple[str, ...]


_STRANGER = "If you did not ask for this, do nothing: you will get no more mail about it."
_WORDS = {
    Notice.CONFIRM: _Words(
        "Please confirm: {title}",
        (
            "Somebody, most likely you, asked for “{title}” to be sent to this address.",
            "It begins once you press the button on the page that opens here:",
        ),
        "Confirm",
        ("The link works for seven days.", _STRANGER),
    ),
    Notice.ALREADY: _Words(
        "You get “{title}” already",
        (
            "Somebody, most likely you, asked for “{title}” to be sent to this address.",
            "It is sent to you already, so there is nothing to confirm.",
            "If it does not arrive, look for it among unwanted mail, or see here what is sent to you:",
        ),
        "See what I get",
        ("The link is for you alone, and works for one day.",),
    ),
    Notice.DETAILS: _Words(
        "Your details with {letter}",
        ("Here you can change your name, zone and address, take your data along, or be forgotten:",),
        "Open my details",
        ("The link is for you alone, and works for one day.", _STRANGER),
    ),
    Notice.MOVE: _Words(
        "Please confirm your new address",
        ("Somebody, most likely you, asked {letter} to send what they get to this address from now on.",),
        "Use this address",
        ("The link works for one day.", _STRANGER),
    ),
    Notice.WELCOME: _Words(
        "Welcome to “{title}”",
        (
            "Thank you for confirming: “{title}” comes to this address from now on.",
            "Keep this mail: here you see at any time what is sent to you, pause it, or leave:",
        ),
        "See what I get",
        (),
    ),
}
_FOOT = "You get this one email because this address was typed into a form of {letter}."


def why_not(
    notice: str, state: Consent | None, *, has_left_since: bool, suppressed: str | None = None
) -> str | None:
    """Say why a notice must not go to an address now; None where it may."""
    if suppressed and not (suppressed == FORGOTTEN and notice in _ASKING):
        return suppressed
    if notice == Notice.CONFIRM and not can_confirm(state, has_left_since=has_left_since):
        return "nothing is left to confirm"
    if notice in (Notice.ALREADY, Notice.WELCOME) and state is not Consent.ACTIVE:
        return str(state or "no subscription")
    return None


def mail_of(
    notice: Notice,
    title: str,
    publication: Publication,
    sender: str,
    reply_to: str,
    dress: Dress | None = None,
) -> Revision:
    """Write a notice of a series; its link is a field, so that all people share one revision."""
    words = _WORDS[notice]
    names = {"title": strip_fences(title), "letter": strip_fences(publication.name)}
    subject, foot = words.subject.format(**names), _FOOT.format(**names)
    before, after = ([line.format(**names) for line in lines] for lines in (words.before, words.after))
    lines = [foot, publication.name, *publication.postal_address.splitlines()]
    page = notice_page(
        subject, before, words.button, fence(LINK), after, lines, publication, dress or Dress()
    )
    return Revision(
        source_hash="",
        sender=sender,
        reply_to=reply_to,
        subject=(subject,),
        preheader=before[0],
        html=split(page, is_html=True),
        text=_text(before, after, foot, publication),
    )


def _text(before: Sequence[str], after: Sequence[str], foot: str, publication: Publication) -> Pieces:
    end = "\n".join([foot, publication.name, publication.postal_address]).strip()
    return ("\n\n".join(before) + "\n\n", LINK, "\n\n" + "\n\n".join(after) + f"\n\n-- \n{end}\n")
