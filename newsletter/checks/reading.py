"""Can everybody read it: language and direction, headings, tables, sizes."""

import re

from selectolax.lexbor import LexborNode

from newsletter.checks.page import Page, Seen, Sightings, above, declared, folded, is_hidden
from newsletter.checks.rules import error, info, warning

SMALL, TOO_SMALL = 14, 12
SHORT_BOLD = 60
REPORT = "Email Markup Consortium, accessibility report 2026"

LANGUAGE = error(
    "language-missing",
    "A11Y-1",
    "`lang` is missing on `<html>` or on the element that holds everything in `<body>`",
    "a screen reader then speaks with the wrong voice, and clients strip what stands on `<html>`",
    "put lang back into the layout in both places",
    f"WCAG 2.2 SC 3.1.1; {REPORT}",
)
DIRECTION = error(
    "direction-missing",
    "A11Y-2",
    "`dir` is missing on `<html>` or on the element that holds everything in `<body>`",
    "clients in a right-to-left language turn the text round",
    "put dir back into the layout in both places",
    REPORT,
)
LAYOUT_TABLE = error(
    "layout-table-unmarked",
    "A11Y-3",
    'a table without head cells has no `role="presentation"`',
    "a screen reader announces rows and columns that mean nothing",
    'write role="presentation" on it',
    REPORT,
)
HEADS_UNMARKED = error(
    "table-heads-without-scope",
    "A11Y-3",
    "a head cell of a table has no `scope`",
    "a screen reader cannot say which column a value belongs to",
    'write scope="col" or scope="row" on it',
    "WCAG 2.2 SC 1.3.1",
)
TITLES = warning(
    "headings-without-one-title",
    "A11Y-4",
    "there is not exactly one h1",
    "people find their way by headings, and one of them is the title",
    "write one h1",
    "axe page-has-heading-one",
)
SKIPS = warning(
    "heading-skips-level",
    "A11Y-4",
    "a heading is more than one level deeper than the one before it",
    "it sounds as if something were missing",
    "write the next deeper level",
    "axe heading-order",
)
EMPTY = warning(
    "heading-empty",
    "A11Y-4",
    "a heading has no text",
    "a screen reader announces a heading and says nothing",
    "write it or remove it",
    "axe empty-heading",
)
BOLD = warning(
    "bold-instead-of-heading",
    "A11Y-4",
    "a paragraph of fewer than 60 characters is bold from end to end",
    "it looks like a heading and is none for who goes by headings",
    "write ## before it",
    "WCAG 2.2 SC 1.3.1",
)
TEXT_SMALL = warning(
    "text-small",
    "A11Y-6",
    "text is smaller than 14 px",
    "many people cannot read it comfortably",
    "write 16 px, or 14 px in the foot",
)
TEXT_TOO_SMALL = error(
    "text-too-small",
    "A11Y-6",
    "text is smaller than 12 px",
    "many people cannot read it at all",
    "write 16 px, or 14 px in the foot",
)
JUSTIFIED = info(
    "text-justified",
    "A11Y-8",
    "text is justified",
    "on a narrow screen it is full of holes",
    "align it at its beginning",
    "WCAG 2.2 SC 1.4.8",
)
CHARSET = error(
    "charset-undeclared",
    "A11Y-9",
    "the HTML has no `<meta>` with its charset",
    "saved or forwarded it shows wrong letters",
    "put the meta element back into the layout",
)
VIEWPORT = warning(
    "viewport-undeclared",
    "A11Y-9",
    "the HTML has no `<meta>` viewport",
    "a phone shows it as a page for a desk, in small letters",
    "put the meta element back into the layout",
)
ZOOM = warning(
    "zoom-forbidden",
    "A11Y-9",
    "the viewport says `user-scalable=no`",
    "whoever needs larger letters cannot have them",
    "leave it out",
    "WCAG 2.2 SC 1.4.4",
)

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_HEADINGS = "h1, h2, h3, h4, h5, h6"


def check_reading(page: Page) -> Sightings:
    """Check what makes a mail readable for everybody; colours are checked apart."""
    yield from _check_whole(page)
    yield from _check_tables(page)
    yield from _check_headings(page)
    yield from _check_sizes(page)
    yield from _check_meta(page)


def _check_whole(page: Page) -> Sightings:
    top, whole = page.tree.css_first("html"), _whole(page)
    for place, node in (("<html>", top), ("<body>'s first element", whole)):
        attributes = node.attributes if node is not None else {}
        if not _LANGUAGE.fullmatch(attributes.get("lang") or ""):
            yield Seen(LANGUAGE, f"{place} has no language")
        if attributes.get("dir") not in ("ltr", "rtl", "auto"):
            yield Seen(DIRECTION, f"{place} has no direction")


def _whole(page: Page) -> LexborNode | None:
    """Find the element that holds everything in the body that can be seen."""
    inner = page.tree.body.iter() if page.tree.body else ()
    return next((node for node in inner if not is_hidden(node)), None)


def _check_tables(page: Page) -> Sightings:
    for table in page.tree.css("table"):
        if table.attributes.get("role") in ("presentation", "none"):
            continue
        heads = table.css("th")
        if not heads:
            yield Seen(LAYOUT_TABLE, f"the table with {folded(table.text())[:40]!r} has no role")
        elif any(head.attributes.get("scope") not in ("col", "row") for head in heads):
            yield Seen(HEADS_UNMARKED, f"the table with {folded(heads[0].text())[:40]!r} has no scopes")


def _check_headings(page: Page) -> Sightings:
    titles = page.tree.css("h1")
    if len(titles) != 1:
        yield Seen(TITLES, f"there are {len(titles)} headings of level 1")
    before = 0
    for heading in page.tree.css(_HEADINGS):
        text, level = folded(heading.text()), int((heading.tag or "h6")[1])
        if not text and heading.css_first("img[alt]") is None:
            yield Seen(EMPTY, f"a heading of level {level} is empty")
        if before and level > before + 1:
            yield Seen(SKIPS, f"{text[:40]!r} is of level {level} after one of level {before}", about=text)
        before = level
    for paragraph in page.tree.css("p"):
        text = folded(paragraph.text())
        bold = paragraph.css_first("strong, b")
        if text and bold is not None and len(text) < SHORT_BOLD and folded(bold.text()) == text:
            yield Seen(BOLD, f"{text!r} is a bold paragraph", about=text)


def _check_sizes(page: Page) -> Sightings:
    seen: set[float] = set()
    for node in page.tree.css("body [style]"):
        found = re.fullmatch(r"([\d.]+)px", declared(node, "font-size"))
        size = float(found.group(1)) if found else 16.0
        if size >= SMALL or size in seen or is_hidden(node) or any(is_hidden(one) for one in above(node)):
            continue
        if text := _own_text(node):
            seen.add(size)
            rule = TEXT_TOO_SMALL if size < TOO_SMALL else TEXT_SMALL
            yield Seen(rule, f"{text[:40]!r} is {size:g} px high", about=text)
    for node in page.tree.css("body [style*='justify']"):
        if declared(node, "text-align") == "justify":
            yield Seen(JUSTIFIED, f"{folded(node.text())[:40]!r} is justified")
            return


def _own_text(node: LexborNode) -> str:
    """Return the text that has the size of this node, that is, no deeper node sets its own."""
    if not any(declared(inner, "font-size") for inner in node.css("[style]") if inner != node):
        return re.sub(r"[\s\u200b-\u200f\u034f\u00a0]+", " ", node.text()).strip()
    return folded(node.text(deep=False))


def _check_meta(page: Page) -> Sightings:
    metas = [node.attributes for node in page.tree.css("head meta")]
    if not any("charset" in one or "charset=" in (one.get("content") or "").lower() for one in metas):
        yield Seen(CHARSET, "no meta element names the charset")
    viewport = next((one.get("content") or "" for one in metas if one.get("name") == "viewport"), None)
    if viewport is None:
        yield Seen(VIEWPORT, "no meta element describes the viewport")
    elif re.search(r"user-scalable\s*=\s*(?:no|0)", viewport):
        yield Seen(ZOOM, f"the viewport is {viewport!r}")
