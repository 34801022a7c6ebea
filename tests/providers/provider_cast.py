"""The people and the mails of the provider tests, and what each mail must say."""

import html
from datetime import UTC, datetime

from hypothesis import strategies as st

from newsletter.domain.message import Message, Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.provider import Mailing

DATE = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
HOSTILE_NAMES = (
    'Ann "the Back" O\'Neil',
    "back\\slash",
    "<script>alert(1)</script>",
    "Tom & Jerry",
    "two\r\nBcc: all@example.org",
    "line\nfeed",
    "😀 Zoë \U0001f469\u200d\U0001f469\u200d\U0001f467",
    "\u202e\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
    "{{ name }} %s {0} *|NAME|*",
    "soft =\r\n break =3D",
    "=?utf-8?q?not_encoded?=",
    "." * 5 + "From me",
    "." * 100,
    "=" * 80,
    "From " * 20,
    "trailing \t ",
    "n" * 100,
    "ü" * 100,
    "",
)

names = st.one_of(
    st.sampled_from(HOSTILE_NAMES), st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
)


class Hands:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = DATE

    def __call__(self):
        return self.now


def a_recipient(pos=0, name="Ann Example", **values) -> Recipient:
    given = {
        "pos": pos,
        "subscriber_id": pos + 1,
        "address": f"reader{pos}@example.org",
        "name": name,
        "message_id": f"<m{pos}.abc@news.example.org>",
        "unsubscribe_url": f"https://news.example.org/u/v1.k1.u.{'A' * 32}{pos}.0.{'b' * 22}",
        "view_url": f"https://news.example.org/w/v1.k1.w.{'A' * 32}{pos}.0.{'c' * 22}",
        "reference": f"nl-d1-1-7-0-{pos}",
    }
    return Recipient(**{**given, **values})


def a_message(**values) -> Message:
    name = Field("name", "there")
    given = {
        "revision": "f" * 64,
        "sender": "Back Care Weekly <weekly@news.example.org>",
        "reply_to": "editors@news.example.org",
        "subject": ("Lower back: where the ache comes from",),
        "html": (
            "<p>Hello ",
            name,
            '!</p>\n<a href="',
            Field("unsubscribe_url"),
            '">Leave – “now”</a>',
            name,
            "\n",
        ),
        "text": ("Hello ", name, ",\n\n.dot\nFrom here  \nLeave: ", Field("unsubscribe_url"), "\nüber\n"),
        "headers": (
            ("List-Id", ("Back pain <back-pain.news.example.org>",)),
            ("List-Unsubscribe", ("<", Field("unsubscribe_url"), ">")),
            ("List-Unsubscribe-Post", ("List-Unsubscribe=One-Click",)),
            ("Feedback-ID", ("lower-back:back-pain:issue:newsexample",)),
        ),
        "tags": (("series", "back-pain"), ("issue", "lower-back")),
    }
    return Message(**{**given, **values})


def a_mailing(*recipients, key="nl-1-1-1-0", label="2026-12-01-back-pain-lower-back") -> Mailing:
    return Mailing(
        key, recipients or (a_recipient(0), a_recipient(1, "Bob"), a_recipient(2, "")), DATE, label
    )


def reference(pieces: Pieces, recipient: Recipient, *, is_html: bool = False, newline: str = "\n") -> str:
    """Fill pieces in the plainest way there is; our own line breaks become `newline`."""
    said = ""
    for piece in pieces:
        if isinstance(piece, Field):
            value = getattr(recipient, piece.name) or piece.fallback
            said += html.escape(value) if is_html else value
        else:
            said += piece.replace("\n", newline)
    return said


#: Subjects that the standard library has folded wrongly in one version or another, or that a list needs.
SUBJECTS = (
    "Menü > Datei: was Ihr Rücken dazu sagt",
    "Eine Woche für den Rücken " + "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 6,
    "\u05d4\u05d2\u05d1 \u05e9\u05dc\u05da: \u05e9\u05d1\u05d5\u05e2 \u05e8\u05d0\u05e9\u05d5\u05df (1/4)",
    (
        "\u200f\u0627\u0644\u0638\u0647\u0631: \u0645\u0646 \u0623\u064a\u0646 "
        "\u064a\u0623\u062a\u064a \u0627\u0644\u0623\u0644\u0645\u061f"
    ),
    "腰痛について知っておきたいこと。" * 8,
    "Lower back, where the ache comes from, and what a calm week may do for it: " * 2 + "the end",
    "x" * 150,
    "e\u0301 combining, and a soft\u00adhyphen, and a no\u00a0break space",
    "=?utf-8?q?Not_an_encoded_word?= but text",
    '"Quoted, with commas"; <angles> and (comments) \\ back',
)
