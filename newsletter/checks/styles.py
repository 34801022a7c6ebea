"""Styles and elements that a mail client drops, and those that make it drop more than themselves."""

import re

from newsletter.checks.page import Page, Seen, Sightings, style_of
from newsletter.checks.rules import error, info, warning

MAX_STYLE = 16_384
CANIEMAIL = "www.caniemail.com"

STYLE_LARGE = error(
    "style-sheet-too-large",
    "SIZE-4",
    "a style sheet has more than 16,384 bytes",
    "Gmail drops the whole of it",
    "leave out what the issue does not use",
    f"{CANIEMAIL}/features/html-style; github.com/hteumeuleu/email-bugs/issues/90",
)
POISON = error(
    "style-poisons-others",
    "CSS-2",
    "`rgb()` without commas, `list-style` with `url()`, `@import`, a `<style>` in the body, a comment in one",
    "Gmail then drops the whole style or style sheet, not only this part",
    "write it another way",
    f"{CANIEMAIL}/features/css-rgb; github.com/hteumeuleu/email-bugs/issues/25",
)
LAYOUT = warning(
    "layout-unsupported",
    "CSS-3",
    "`position`, `float`, flex, grid, `gap`, a CSS variable or a negative margin",
    "Outlook and others lay it out in another way, or not at all",
    "lay it out with tables, as the partials do",
    CANIEMAIL,
)
FORBIDDEN = error(
    "element-not-allowed",
    "CSS-4",
    "there is a linked style sheet, a script, a form, a frame, an object, a video or an `on…` attribute",
    "clients remove it, and filters mistrust the mail",
    "leave it out, and link to a page that has it",
    CANIEMAIL,
)
NO_GROUND = error(
    "background-without-colour",
    "CSS-5",
    "a background picture has no background colour",
    "without images the text stands on nothing",
    "write a background-color too",
)
NO_FALLBACK = error(
    "font-without-fallback",
    "CSS-6",
    "a `font-family` names no font that every machine has",
    "most clients load no font, and Outlook then takes Times",
    "end it with a system font and sans-serif or serif",
    f"{CANIEMAIL}/features/css-at-font-face",
)
ODD_QUERY = info(
    "media-query-unsupported",
    "CSS-8",
    "a media query asks for something else than width, height, hover or the colour scheme",
    "Yahoo Mail drops it",
    "let nothing depend on it",
    CANIEMAIL,
)

_POISON = {
    "rgb() without commas": re.compile(r"rgba?\(\s*\d+%?\s+\d", re.IGNORECASE),
    "list-style with url()": re.compile(r"list-style(?:-image)?\s*:[^;}]*url\(", re.IGNORECASE),
    "@import": re.compile(r"@import\b", re.IGNORECASE),
    "a CSS comment before a rule": re.compile(r"\*/\s*[.#@a-z:*\[]", re.IGNORECASE),
}
_LAYOUT = re.compile(
    r"(?:^|[;{\s])(position\s*:\s*(?:absolute|fixed|relative|sticky)|float\s*:\s*(?:left|right)"
    r"|display\s*:\s*(?:inline-)?(?:flex|grid)|(?:row-|column-)?gap\s*:\s*\d"
    r"|margin(?:-\w+)?\s*:[^;}]*-\d)|(var\(\s*--)",
    re.IGNORECASE,
)
_FORBIDDEN = "link[rel~=stylesheet], script, form, iframe, object, embed, video, audio"
_HANDLER = re.compile(r"<[a-z][^<>]*\son[a-z]+\s*=", re.IGNORECASE)
_QUERY = re.compile(r"@media[^{]*")
_KNOWN_QUERY = re.compile(r"(?:min-|max-)?(?:device-)?(?:width|height)|hover|prefers-color-scheme")
_SYSTEM = re.compile(
    r"(?:sans-serif|serif|monospace|system-ui|arial|helvetica|georgia|verdana|tahoma|times|courier|inherit"
    r"|initial)\b",
    re.IGNORECASE,
)


def check_styles(page: Page) -> Sightings:
    """Check style sheets, inline styles and elements for what clients do not bear."""
    for sheet in page.tree.css("style"):
        if (size := len(sheet.text().encode())) > MAX_STYLE:
            yield Seen(STYLE_LARGE, f"a style sheet has {size:,} bytes")
    if page.tree.css_first("body style") is not None:
        yield Seen(POISON, "a style sheet stands in the body")
    yield from _check_declarations(page)
    yield from _check_elements(page)


def _check_declarations(page: Page) -> Sightings:
    every = "\n".join(page.styles)
    for name, pattern in _POISON.items():
        if pattern.search(every):
            yield Seen(POISON, f"there is {name}")
    if found := _LAYOUT.search(every):
        yield Seen(LAYOUT, f"there is {(found.group(1) or 'a CSS variable').strip()}")
    for query in _QUERY.findall(every):
        features = re.findall(r"\(\s*([a-z-]+)", query)
        if odd := next((one for one in features if not _KNOWN_QUERY.fullmatch(one)), None):
            yield Seen(ODD_QUERY, f"a media query asks for {odd}")
            break
    for family in re.findall(r"font-family\s*:\s*([^;}]+)", every, re.IGNORECASE):
        if not _SYSTEM.search(family):
            yield Seen(NO_FALLBACK, f"a font-family is {family.strip()[:40]!r}")
            break


def _check_elements(page: Page) -> Sightings:
    for node in page.tree.css(_FORBIDDEN):
        yield Seen(FORBIDDEN, f"there is a <{node.tag}>")
    if found := _HANDLER.search(page.html):
        yield Seen(FORBIDDEN, f"there is {found.group()[:40]!r}")
    for node in page.tree.css("[style], [background]"):
        style = style_of(node)
        has_picture = "background" in node.attributes or re.search(r"background[^;]*url\(", style)
        if has_picture and not re.search(r"background(?:-color)?\s*:[^;]*(?:#|rgb)", style):
            yield Seen(NO_GROUND, f"a <{node.tag}> has a background picture alone")
