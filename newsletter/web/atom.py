"""An Atom feed (RFC 4287) of the issues of a series."""

import re
from datetime import datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from newsletter.domain.archive import Listing, Published

MEDIA_TYPE = "application/atom+xml"
_ATOM = "http://www.w3.org/2005/Atom"
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Readers ask often, and seldom for more than the latest.
_MOST = 50


def feed(listing: Listing) -> bytes:
    """Write the feed, the latest issue first."""
    page = f"{listing.base}/a/{listing.slug}"
    root = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": listing.language})
    latest = sorted(listing.issues, key=lambda one: (one.at, one.position), reverse=True)
    _add(root, "title", listing.title)
    _add(root, "id", f"{page}/feed.xml")
    _add(root, "updated", _instant(max((one.updated_at for one in latest), default=listing.since)))
    _add(_add(root, "author"), "name", listing.letter_name)
    _add(root, "link", rel="self", type=MEDIA_TYPE, href=f"{page}/feed.xml")
    _add(root, "link", rel="alternate", type="text/html", href=page)
    for one in latest[:_MOST]:
        _add_entry(root, listing, one, f"{page}/{one.slug}")
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add_entry(root: ET.Element, listing: Listing, one: Published, url: str) -> None:
    entry = _add(root, "entry")
    _add(entry, "title", one.title)
    # A tag (RFC 4151) stays the same where an issue is renamed: a reader shows it once.
    host = urlsplit(listing.base).hostname
    _add(entry, "id", f"tag:{host},{one.at:%Y-%m-%d}:issue-{one.issue_id}")
    _add(entry, "published", _instant(one.at))
    _add(entry, "updated", _instant(one.updated_at))
    _add(entry, "link", rel="alternate", type="text/html", href=url)
    _add(entry, "summary", one.preheader)


def _add(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    found = ET.SubElement(parent, name, attributes)
    if text:
        found.text = _FORBIDDEN.sub("", text)
    return found


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
