"""An email before it is addressed, and what addresses it."""

from dataclasses import dataclass
from typing import NamedTuple

from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.revision import Revision


class Recipient(NamedTuple):
    """One person's values of the fields; `pos` is the place in the batch.

    `reference` names the delivery to the provider, which tells it again in its events: letters, digits, `-`.
    `action_url` is the one link of a notice.
    """

    pos: int
    subscriber_id: int
    address: str
    name: str
    message_id: str
    unsubscribe_url: str
    view_url: str
    reference: str = ""
    preferences_url: str = ""
    action_url: str = ""


@dataclass(frozen=True)
class Message:
    """One email whose recipients differ in fields only; `headers` are beyond From, To, Subject and Date.

    `tags` come back in a provider's events; names and values are letters, digits, `_` and `-`.
    """

    revision: str
    sender: str
    reply_to: str
    subject: Pieces
    html: Pieces
    text: Pieces
    headers: tuple[tuple[str, Pieces], ...]
    tags: tuple[tuple[str, str], ...] = ()
    #: The slug of a mail that is no issue.
    notice: str = ""


def message_of(revision: Revision, *, series: str, series_title: str, issue: str, kind: str) -> Message:
    """Put the list headers of RFC 2369, 2919 and 8058 and Gmail's Feedback-ID around a revision.

    A notice is no mail to a list: it says that a machine wrote it (RFC 3834 §5).
    """
    domain = sender_domain(revision.sender)
    list_name = "".join(
        char for char in series_title if char.isascii() and char.isprintable() and char not in '<>"'
    )
    headers: tuple[tuple[str, Pieces], ...] = (
        ("List-Id", (f"{list_name.strip()} <{series}.{domain}>".strip(),)),
        ("List-Unsubscribe", ("<", Field("unsubscribe_url"), ">")),
        ("List-Unsubscribe-Post", ("List-Unsubscribe=One-Click",)),
        ("Feedback-ID", (f"{issue}:{series}:{kind}:{_sender_id(domain)}",)),
    )
    if kind == "notice":
        headers = (("Auto-Submitted", ("auto-generated",)), headers[-1])
    return Message(
        revision=revision.hash,
        sender=revision.sender,
        reply_to=revision.reply_to,
        subject=revision.subject,
        html=revision.html,
        text=revision.text,
        headers=headers,
        tags=(("series", series), ("issue", issue)),
        notice=issue if kind == "notice" else "",
    )


def sender_domain(sender: str) -> str:
    """Return the domain of a `Name <address>`."""
    return sender.rpartition("@")[2].rstrip("> ").lower()


def _sender_id(domain: str) -> str:
    # Gmail wants 5 to 15 characters in the last field (support.google.com/mail/answer/6254652).
    return domain.replace(".", "")[:15].ljust(5, "0")
