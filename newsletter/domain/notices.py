"""Mails that are no issue: somebody asked for them, and waits. Nothing that a visitor typed stands in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from html import escape

from newsletter.domain.bouncing import FORGOTTEN
from newsletter.domain.letter import Publication
from newsletter.domain.lifecycle import can_confirm
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


def mail_of(notice: Notice, title: str, publication: Publication, sender: str, reply_to: str) -> Revision:
    """Write a notice of a series; its link is a field, so that all people share one revision."""
    words = _WORDS[notice]
    names = {"title": strip_fences(title), "letter": strip_fences(publication.name)}
    subject, foot = words.subject.format(**names), _FOOT.format(**names)
    before, after = ([line.format(**names) for line in lines] for lines in (words.before, words.after))
    return Revision(
        source_hash="",
        sender=sender,
        reply_to=reply_to,
        subject=(subject,),
        preheader=before[0],
        html=_html(subject, before, words.button, after, foot, publication),
        text=_text(before, after, foot, publication),
    )


def _text(before: Sequence[str], after: Sequence[str], foot: str, publication: Publication) -> Pieces:
    end = "\n".join([foot, publication.name, publication.postal_address]).strip()
    return ("\n\n".join(before) + "\n\n", LINK, "\n\n" + "\n\n".join(after) + f"\n\n-- \n{end}\n")


def _html(
    subject: str,
    before: Sequence[str],
    button: str,
    after: Sequence[str],
    foot: str,
    publication: Publication,
) -> Pieces:
    lines = [foot, publication.name, *publication.postal_address.splitlines()]
    values = {
        "language": escape(publication.language),
        "letter": escape(publication.name),
        "subject": escape(subject),
        "before": "".join(f'<p style="{_P}">{escape(line)}</p>' for line in before),
        "button": escape(button),
        "after": "".join(f'<p class="soft" style="{_SOFT}">{escape(line)}</p>' for line in after),
        "foot": "<br>".join(escape(line) for line in lines),
    }
    return split(_PAGE.format(**values, link=fence(LINK)), is_html=True)


_SANS = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
_SERIF = "Georgia,'Iowan Old Style','Times New Roman',serif"
_P = f"margin:0 0 16px;font:17px/27px {_SANS};color:#1f2a2e"
_SOFT = f"margin:0 0 8px;font:14px/21px {_SANS};color:#52606b"
# The look of an issue, without its compiler: there is one button, and nothing that an editor writes.
_PAGE = (
    '<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><title>{subject}</title><style>'
    ":root{{color-scheme:light dark}}"
    "@media (max-width:480px){{.card{{padding:28px 20px!important}}}}"
    "@media (prefers-color-scheme:dark){{"
    "body,.canvas{{background:#0f1315!important}}.card{{background:#14191b!important}}"
    ".card h1,.card p{{color:#e8e6e1!important}}.card .soft{{color:#a9b3b8!important}}"
    ".card .ground{{background:#6fd3c4!important}}.card .push{{color:#0d1f1c!important}}"
    ".card .foot{{border-color:#2a3236!important}}}}</style></head>"
    '<body style="margin:0;background:#f3f1ec"><table role="presentation" class="canvas" width="100%"'
    ' cellpadding="0" cellspacing="0" style="background:#f3f1ec"><tr>'
    '<td align="center" style="padding:32px 0">'
    '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px"><tr>'
    '<td class="card" style="padding:40px 32px;background:#ffffff">'
    f'<p class="soft" style="{_SOFT.replace("0 0 8px", "0 0 24px")};font-weight:600">{{letter}}</p>'
    f'<h1 style="margin:0 0 16px;font:400 28px/34px {_SERIF};color:#1f2a2e">{{subject}}</h1>{{before}}'
    '<table role="presentation" cellpadding="0" cellspacing="0" style="margin:8px 0 28px"><tr>'
    '<td class="ground" style="background:#0b6b62;border-radius:6px"><a class="push" href="{link}"'
    f' style="display:inline-block;padding:12px 28px;font:600 17px/24px {_SANS};color:#ffffff;'
    'text-decoration:none">{button}</a></td></tr></table>{after}'
    f'<p class="soft foot" style="{_SOFT};margin:24px 0 0;padding:20px 0 0;border-top:1px solid #dcd8cf">'
    "{foot}</p></td></tr></table></td></tr></table></body></html>"
)
