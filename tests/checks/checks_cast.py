"""Builders: a letter of one article, a revision and a message that break no rule."""

from dataclasses import replace
from datetime import date, time, timedelta
from textwrap import fill

from selectolax.lexbor import LexborHTMLParser

from newsletter.domain.article import Article, Section
from newsletter.domain.blocks import Block, Button, Inline, Paragraph
from newsletter.domain.cadence import Cadence
from newsletter.domain.finding import Finding
from newsletter.domain.letter import Letter, Publication
from newsletter.domain.pieces import Field, fence, split
from newsletter.domain.revision import Revision
from newsletter.domain.series import Issue, SectionRef, Series
from newsletter.errors import Place

HERE = Place("content/series/garden.toml", 12)
ADDRESS = "Garden House, 1 High Street, Exampletown EX1 1EX"
PUBLICATION = Publication("The Kitchen Garden", "https://news.example.org", ADDRESS)
PREHEADER = "What to sow, what to leave alone, and one small job for a dry hour."


def section(section_id: str, *inner: Section, buttons: int = 0) -> Section:
    text = Inline("Sow.", "Sow.")
    blocks: tuple[Block, ...] = (Paragraph(text, HERE),)
    blocks += tuple(Button(f"Order {n}", "https://example.org/", HERE) for n in range(buttons))
    place = Place("content/articles/garden.md", 3)
    return Section(section_id, "garden", Inline(section_id, section_id), 2, blocks, inner, place)


def letter(*sections: Section) -> Letter:
    article = Article("garden", "The garden", sections, Place("content/articles/garden.md"))
    return Letter({"garden": article}, {})


def refs(*names: str) -> tuple[SectionRef, ...]:
    return tuple(SectionRef("garden", name) for name in names)


def issue(issue_id: str, *sections: str, **changes: str) -> Issue:
    made = Issue(issue_id, f"Soil: {issue_id}", PREHEADER, refs(*sections), HERE)
    return replace(made, **changes)


def series(*issues: Issue, leave_out: tuple[SectionRef, ...] = ()) -> Series:
    cadence = Cadence(1, time(9), "Europe/London", date(2026, 12, 1))
    sender = "The Kitchen Garden <weekly@news.example.org>"
    late = timedelta(hours=6)
    return Series("garden", "Four weeks", sender, "", cadence, late, issues, leave_out, HERE)


FIRST = (
    "Rake the bed level and firm it with the back of the rake, then draw a shallow drill along a line. Water "
    "the drill before the seed goes in, so that nothing is washed away, and cover it with fine, dry earth. "
    "Mark both ends of the row with a stick, write the date on a label, and come back after the next rain."
)
#: As much as pictures want beside them.
PROSE = f"<p>{FIRST * 9}</p>"
SHELL = (
    '<!doctype html><html lang="en" dir="ltr" xmlns:v="urn:v" xmlns:o="urn:o"><head><title>{title}</title>'
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta name="color-scheme" content="light"><meta name="supported-color-schemes" content="light">'
    "<!--[if mso]><xml><o:PixelsPerInch>96</o:PixelsPerInch></xml><![endif]-->{head}</head>"
    '<body><div style="display:none">{preheader}</div><div lang="en" dir="ltr"><h1>{title}</h1>'
    "<p>{first}</p>{body}{footer}</div></body></html>"
)


def revision(
    *,
    subject: str = "Soil: what it tells you",
    preheader: str = PREHEADER,
    head: str = "",
    body: str = "",
    html_footer: str = f"<p>{ADDRESS}</p>",
    text: str | None = None,
    text_more: str = "",
    text_footer: str = f"{ADDRESS}\n",
    is_way_out: bool = True,
    is_text_way_out: bool = True,
    swap: tuple[str, str] = ("", ""),
) -> Revision:
    """Render an issue without a template; `swap` replaces a part of the HTML, the text follows `body`."""
    way_out = Field("unsubscribe_url")
    leave = (
        f'<p>You may <a href="{fence(way_out)}" style="color:#0b6b62">unsubscribe</a>.</p>'
        if is_way_out
        else ""
    )
    html = SHELL.format(
        title=subject.strip() or "Soil",
        head=head,
        preheader=preheader,
        first=FIRST,
        body=body,
        footer=html_footer + leave,
    )
    assert swap[0] in html
    text = f"{subject}\n\n{wrapped(FIRST)}\n\n{as_text(body)}\n{text_more}\n" if text is None else text
    return Revision(
        source_hash="0" * 64,
        sender="The Kitchen Garden <weekly@news.example.org>",
        reply_to="editors@news.example.org",
        subject=(subject,),
        preheader=preheader,
        html=split(html.replace(*swap), is_html=True),
        text=(text, text_footer, "Unsubscribe: ", *((way_out,) if is_text_way_out else ()), "\n"),
    )


def as_text(body: str) -> str:
    """Give what a fragment of HTML says and where its links lead."""
    tree = LexborHTMLParser(f"<body>{body}</body>")
    links = [node.attributes.get("href") or "" for node in tree.css("a")]
    said = tree.body.text(separator=" ") if tree.body else ""
    return "\n".join([wrapped(said), *links])


def wrapped(text: str) -> str:
    return fill(text, 70, break_long_words=False, break_on_hyphens=False)


def picture(**attributes: str) -> str:
    """Give a picture that breaks no rule, but for what is said of it, beside enough text."""
    sound = {"src": "https://news.example.org/media/a.png", "alt": "A bed in April", "width": "300"}
    written = {**sound, **attributes}.items()
    return "<img " + " ".join(f'{name}="{value}"' for name, value in written if value != "none") + f">{PROSE}"


def link(href: str, text: str = "See how a drill is drawn") -> str:
    return f'<p>Before you sow: <a href="{href}">{text}</a>, in four steps.</p>'


MESSAGE = b"""\
From: The Kitchen Garden <weekly@news.example.org>
Reply-To: editors@news.example.org
To: Ada <ada@example.com>
Subject: Soil: what it tells you
Message-ID: <abc@news.example.org>
Date: Tue, 01 Dec 2026 09:00:00 +0000
MIME-Version: 1.0
List-Id: Four weeks <garden.news.example.org>
List-Unsubscribe: <https://news.example.org/u/v1.token>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Feedback-ID: soil:garden:issue:newsexampleorg
Content-Type: multipart/alternative;
 boundary="=_1a2b"

--=_1a2b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Rake the bed level and firm it with the back of the rake.

--=_1a2b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Sow.</p>

--=_1a2b--
""".replace(b"\n", b"\r\n")


def rules(findings: list[Finding]) -> list[str]:
    return sorted({finding.rule for finding in findings})
