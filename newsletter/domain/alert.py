"""The mails that tell the people of `alert_to` what waits for them."""

from datetime import datetime
from html import escape

from newsletter.domain.revision import Revision

_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><title>{title}</title></head>'
    '<body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif;max-width:560px">{body}</body>'
    "</html>"
)


def alert_of(
    target: str, due_at: datetime, reason: str, command: str, sender: str, reply_to: str
) -> Revision:
    """Write what is held, why, and the command that lets it go."""
    lines = [
        f"{target}, due {due_at:%Y-%m-%d %H:%M} UTC, is held:",
        f"{reason}.",
        "Nothing more of it goes out by itself. To decide:",
        command,
    ]
    return _mail(f"Held: {target}", reason, lines, sender, reply_to)


def empty_of(
    target: str, due_at: datetime, reason: str, command: str, sender: str, reply_to: str
) -> Revision:
    """Write which slot had no issue, and the command that gives the next one some."""
    lines = [
        f"{target} had a slot at {due_at:%Y-%m-%d %H:%M} UTC:",
        f"{reason}.",
        "To have an issue for the next one:",
        command,
    ]
    return _mail(f"No issue: {target}", reason, lines, sender, reply_to)


def _mail(title: str, reason: str, lines: list[str], sender: str, reply_to: str) -> Revision:
    lines = [*lines, "Everything that waits for a person: newsletter status"]
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return Revision(
        source_hash="",
        sender=sender,
        reply_to=reply_to,
        subject=(title,),
        preheader=reason,
        html=(_PAGE.format(title=escape(title), body=body),),
        text=("\n\n".join(lines) + "\n",),
    )
