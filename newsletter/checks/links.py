"""The links of an issue: each leads somewhere, safely, and says where."""

import re
from collections import Counter
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, urlsplit

from selectolax.lexbor import LexborNode

from newsletter.checks.page import Page, Seen, Sightings, above, declared, folded
from newsletter.checks.rules import error, info, warning

MANY = 3
AXE_LINK = "WCAG 2.2 SC 2.4.4; axe link-name"

NOWHERE = error(
    "link-leads-nowhere",
    "LNK-1",
    "the address is empty, `#`, a script or a file, has a space, or names example.com, a local host or an IP",
    "nobody who reads the mail gets there",
    "write the address of a page that everybody can open",
)
NOT_SECURE = error(
    "link-not-secure",
    "LNK-2",
    "the address begins with http:",
    "what is read and written there can be read on the way, and browsers warn of it",
    "write https:",
)
MISLEADS = error(
    "link-text-misleads",
    "LNK-4",
    "the text of a link is the address of another host than the link's",
    "it is the mark of a phishing mail",
    "write the address that it leads to, or words",
)
SHORTENED = error(
    "link-shortened",
    "LNK-5",
    "the host shortens addresses",
    "filters know these hosts from spam, and nobody sees where it leads",
    "write the whole address",
    "SpamAssassin URL shorteners",
)
UNNAMED = error(
    "link-without-text",
    "LNK-6",
    "a link has neither text nor a picture",
    "a screen reader has nothing to say",
    "say where it leads",
    AXE_LINK,
)
VAGUE = warning(
    "link-text-vague",
    "LNK-7",
    'the text of a link is "here", "click here", "read more", "this link" or the like',
    "links are read aloud in a list, without the words around them",
    "say where it leads",
    AXE_LINK,
)
AMBIGUOUS = warning(
    "link-text-ambiguous",
    "LNK-8",
    "two links have the same text and lead to different addresses",
    "read aloud in a list they cannot be told apart",
    "say in each where it leads",
    "WCAG 2.2 SC 2.4.9",
)
REPEATED = info(
    "link-repeated",
    "LNK-9",
    "an address is linked more than three times",
    "it reads like advertising",
    "link it where it is needed most",
)
MALFORMED = error(
    "address-link-malformed",
    "LNK-10",
    "`mailto:` has no address, or `tel:` no number",
    "pressing it does nothing",
    "write mailto:name@domain or tel:+441234567890",
    "RFC 6068; RFC 3966",
)
JUMP_LOST = error(
    "jump-without-target",
    "LNK-11",
    "a link to `#name` has no such id in the mail",
    "pressing it does nothing",
    "link to a heading that is in this issue",
)
JUMP = info(
    "jump-inside-mail",
    "LNK-11",
    "a link leads to another place of the same mail",
    "the Gmail app on iPhones and Samsung's do nothing when it is pressed",
    "let nothing depend on it",
    "www.caniemail.com/features/html-anchor-links",
)
TAG_TWICE = warning(
    "campaign-tag-repeated",
    "LNK-12",
    "an address has a utm parameter twice, or two campaigns are named in one issue",
    "what is counted is then counted wrongly",
    "write each parameter once, and the same campaign everywhere",
)
TAG_PERSONAL = error(
    "campaign-tag-personal",
    "LNK-12",
    "a utm parameter holds an address or a field of the subscriber",
    "it gives away who reads, to everyone who sees the address",
    "leave it out",
)
COLOUR_ALONE = warning(
    "link-by-colour-alone",
    "LNK-13",
    "a link inside a paragraph is not underlined",
    "whoever cannot see its colour cannot see the link",
    "let it be underlined",
    "WCAG 2.2 SC 1.4.1",
)
NOT_IN_TEXT = warning(
    "link-missing-in-text",
    "LNK-14",
    "the text part lacks an address that the HTML links",
    "whoever reads the text part cannot follow it",
    "check the text twin of this block",
)

_VAGUE = frozenset(
    [
        "here",
        "click here",
        "click",
        "read more",
        "more",
        "learn more",
        "this link",
        "link",
        "this",
        "tap here",
        "find out more",
    ]
)
_SHORTENERS = frozenset(
    [
        "bit.ly",
        "tinyurl.com",
        "t.co",
        "goo.gl",
        "ow.ly",
        "is.gd",
        "buff.ly",
        "rebrand.ly",
        "cutt.ly",
        "tiny.cc",
        "lnkd.in",
        "rb.gy",
    ]
)
_LOCAL = re.compile(r"(?:.*\.)?(?:localhost|local|internal|invalid|example\.com)")
_LOOKS_LIKE_URL = re.compile(r"(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/?#]\S*)?", re.IGNORECASE)
_MAIL = re.compile(r"mailto:[^@\s?]+@[^@\s?]+\.[^@\s?]+(?:\?.*)?", re.IGNORECASE)
_PHONE = re.compile(r"tel:\+?[\d().-]{3,}", re.IGNORECASE)
_FIELD = "\ue000"


def check_links(page: Page) -> Sightings:
    """Check the form of every link; nothing is fetched."""
    links = [(node, (node.attributes.get("href") or "").strip()) for node in page.tree.css("a")]
    links = [(node, href) for node, href in links if "href" in node.attributes]
    for node, href in links:
        yield from _check_text(node, href)
        if not href.startswith(_FIELD):
            yield from _check_address(page, href)
            yield from _check_tags(href)
    written = [(node, href) for node, href in links if not href.startswith(_FIELD)]
    yield from _check_together(written)
    for href in dict.fromkeys(href for _, href in written):
        is_page = href.startswith(("http:", "https:")) and _FIELD not in href
        if is_page and href not in page.text:
            yield Seen(NOT_IN_TEXT, f"the text part lacks {href[:80]}", about=href)


def _check_address(page: Page, href: str) -> Sightings:
    lower, parts = href.lower(), split_url(href)
    if lower.startswith(("mailto:", "tel:")):
        if not (_MAIL.fullmatch(href) or _PHONE.fullmatch(href)):
            yield Seen(MALFORMED, f"a link leads to {href[:60]!r}", about=href)
    elif href.startswith("#") and len(href) > 1:
        known = {node.attributes.get("id") for node in page.tree.css("[id]")}
        rule = JUMP if href[1:] in known else JUMP_LOST
        yield Seen(rule, f"a link leads to {href!r}", about=href)
    elif parts is None or is_nowhere(href, parts):
        yield Seen(NOWHERE, f"a link leads to {href[:60]!r}", about=href)
    elif parts.scheme == "http":
        yield Seen(NOT_SECURE, f"a link leads to {href[:60]!r}", about=href)
    elif (parts.hostname or "") in _SHORTENERS:
        yield Seen(SHORTENED, f"a link goes through {parts.hostname}", about=href)


def _check_text(node: LexborNode, href: str) -> Sightings:
    text = folded(node.text())
    if not text and node.css_first("img") is None:
        yield Seen(UNNAMED, f"the link to {href[:60] or 'nowhere'} has no text", about=href)
    if text.casefold().strip(" .…»>→") in _VAGUE:
        yield Seen(VAGUE, f"a link says {text!r}", about=href)
    shown, parts = _LOOKS_LIKE_URL.fullmatch(text), split_url(href)
    if shown and parts is not None and parts.hostname:
        said, leads = _bare(shown.group(1)), _bare(parts.hostname)
        if said != leads:
            yield Seen(MISLEADS, f"a link says {text!r} and leads to {parts.hostname}", about=href)
    is_inline = any(one.tag == "p" and len(folded(one.text())) > len(text) for one in above(node))
    if is_inline and "none" in declared(node, "text-decoration"):
        yield Seen(COLOUR_ALONE, f"the link {text!r} is not underlined", about=href)


def _check_tags(href: str) -> Sightings:
    parts = split_url(href)
    tags = [pair for pair in parse_qsl(parts.query) if pair[0].startswith("utm_")] if parts else []
    if len({name for name, _ in tags}) < len(tags):
        yield Seen(TAG_TWICE, f"{href[:60]!r} has a utm parameter twice", about=href)
    if any("@" in value or _FIELD in value for _, value in tags):
        yield Seen(TAG_PERSONAL, f"{href[:60]!r} says who reads it", about=href)


def _check_together(links: list[tuple[LexborNode, str]]) -> Sightings:
    leads: dict[str, str] = {}
    for node, href in links:
        text = folded(node.text()).casefold()
        if text and leads.setdefault(text, href) != href:
            yield Seen(AMBIGUOUS, f"{text!r} leads to {leads[text][:60]} and to {href[:60]}", about=href)
    for href, count in Counter(href for _, href in links if not href.startswith("#")).items():
        if count > MANY:
            yield Seen(REPEATED, f"{href[:60]} is linked {count} times", about=href)
    found = [(href, parts.query) for _, href in links if (parts := split_url(href)) is not None]
    campaigns = {dict(parse_qsl(query)).get("utm_campaign", ""): href for href, query in found}
    campaigns.pop("", None)
    if len(campaigns) > 1:
        names = " and ".join(sorted(campaigns))
        yield Seen(TAG_TWICE, f"the campaigns {names} are named", about=next(reversed(campaigns.values())))


def is_nowhere(href: str, parts: SplitResult) -> bool:
    """Tell whether an address leads nowhere, whatever the network says."""
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", href):
        return True
    try:
        ip_address(host)
    except ValueError:
        return _LOCAL.fullmatch(host) is not None
    return True


def split_url(href: str) -> SplitResult | None:
    """Take an address apart; None for one that cannot be."""
    try:
        return urlsplit(href)
    except ValueError:
        return None


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")
