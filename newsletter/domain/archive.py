"""Issues that were sent, read online by people who did not get them: nothing on them is anybody's own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class Published:
    """An issue that went out for real; `updated_at` is when its latest wording first did."""

    issue_id: int
    slug: str
    position: int
    revision: str
    title: str
    preheader: str
    at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Listing:
    """A series as everybody may see it, its issues in order; `zone` is that of its dates."""

    id: int
    slug: str
    title: str
    letter_name: str
    language: str
    base: str
    zone: str
    since: datetime
    issues: tuple[Published, ...] = ()


class PublicArchive(Protocol):
    """What the archive pages need; a series without a public archive is None, as one that is not there."""

    def listing(self, series: str) -> Listing | None:
        """List the issues of a series that were sent."""
        ...

    def page(self, series: str, issue: str) -> str | None:
        """Return the HTML of one of them, made out to nobody."""
        ...


class Link(NamedTuple):
    """Where a page leads."""

    url: str
    label: str


_FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif'
_STYLE = (
    f"<style>.parts{{max-width:600px;margin:0 auto;padding:0 32px 48px;font:15px/24px {_FONT};color:#52606b;"
    "box-sizing:border-box;overflow-wrap:break-word}.parts p{margin:0 0 8px;font-weight:600}"
    ".parts ul{margin:0;padding:0 0 0 20px}.parts a{color:#0b6b62}"
    "@media (max-width:480px){.parts{padding:24px 20px 32px}}"
    "@media (prefers-color-scheme:dark){.parts{color:#a9b3b8}.parts a{color:#6fd3c4}}</style>"
)


def with_links(html: str, heading: str, links: Sequence[Link]) -> str:
    """Put a list of links under a mail that is shown as a page; without any it stays as it is."""
    if not links:
        return html
    items = "".join(f'<li><a href="{escape(url)}">{escape(label)}</a></li>' for url, label in links)
    label = escape(heading)
    below = f'{_STYLE}<nav class="parts" aria-label="{label}"><p>{label}</p><ul>{items}</ul></nav>'
    before, end, after = html.rpartition("</body>")
    return f"{before}{below}{end}{after}" if end else html + below


def relabelled(html: str, url: str, label: str) -> str:
    """Give the links to an address another label: where nobody can leave, the way out is the way in."""
    pattern = re.compile(rf"({_start(url)}).*?(</a>)", re.DOTALL | re.IGNORECASE)
    return pattern.sub(lambda found: f"{found[1]}{escape(label)}{found[2]}", html)


def without_link(html: str, url: str) -> str:
    """Take the links to an address away, each with the dot before it: they are somebody's own."""
    dot = r"""(?:<span\b[^>]*\bclass=["']dot["'][^>]*>[^<]*</span>\s*)?"""
    return re.sub(rf"{dot}{_start(url)}.*?</a>", "", html, flags=re.DOTALL | re.IGNORECASE)


def with_reason(html: str, sentence: str) -> str:
    """Say something else where a mail says why it came; a letter's own footer that does not mark it stays."""
    pattern = re.compile(r"""(<p\b[^>]*\bclass=["']why["'][^>]*>).*?(</p>)""", re.DOTALL | re.IGNORECASE)
    return pattern.sub(lambda found: f"{found[1]}{escape(sentence)}{found[2]}", html)


def _start(url: str) -> str:
    return rf"""<a\b[^>]*\bhref=["']{re.escape(escape(url))}["'][^>]*>"""
