"""Show every block in every layout: light, dark, and in a language that begins at the right."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from html import escape
from pathlib import Path

from newsletter.content.articles import parse_article
from newsletter.content.letters import read_text
from newsletter.domain.blocks import Block, Image
from newsletter.domain.cadence import Cadence
from newsletter.domain.letter import Composition, Publication
from newsletter.domain.pieces import fill
from newsletter.domain.series import Issue, Series
from newsletter.errors import Place
from newsletter.rendering.renderer import Renderer

_FOLDER = Path("templates/gallery")
_SPECIMENS = {"": "blocks.md", "rtl": "blocks.rtl.md"}
_MODES = {"light": "", "dark": "", "rtl": "rtl", "rtl-dark": "rtl"}
#: Languages that stand in where the letter's own begins at the other side.
_LANGUAGES = {"": "en", "rtl": "ar"}
_PICTURES = {"wide.svg": (1200, 520), "small.svg": (320, 200)}
_DARK = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)")
_HERE = Place("templates/gallery")
_PREHEADER = "One of each, so that a theme can be judged before anybody gets a mail that is set in it."


def gallery(renderer: Renderer, publication: Publication, letter: Path, shipped: Path) -> Mapping[str, str]:
    """Render every block x layout x mode as pages by file name; `index.html` shows the others in frames.

    A letter's own `templates/gallery` replaces the shipped texts.
    """
    pages: dict[str, str] = {name: _picture(*size) for name, size in _PICTURES.items()}
    layouts = renderer.layouts()
    for layout in layouts:
        for mode, script in _MODES.items():
            root = letter if (letter / _FOLDER / _SPECIMENS[script]).is_file() else shipped
            composition = _composition(root, script, layout, publication)
            html = fill(renderer.render(composition).html, _VALUES, escape)
            pages[f"{layout}-{mode}.html"] = _in_scheme(html, is_dark=mode.endswith("dark"))
    pages["index.html"] = _index(layouts)
    return pages


def _composition(root: Path, script: str, layout: str, publication: Publication) -> Composition:
    name = _SPECIMENS[script]
    file = (_FOLDER / name).as_posix()
    article = parse_article(read_text(root, root / file), slug="blocks", file=file)
    blocks = tuple(tuple(map(_sized, section.as_blocks())) for section in article.sections)
    issues = tuple(Issue(f"blocks-{n}", article.title, _PREHEADER, (), _HERE) for n in range(1, 5))
    series = Series(
        slug="gallery",
        title=article.title,
        sender=publication.name,
        reply_to="",
        cadence=Cadence(1, time(9), "UTC", date(2026, 12, 1)),
        hold_if_late_by=timedelta(hours=6),
        issues=issues,
        leave_out=(),
        place=_HERE,
        layout=layout,
    )
    shown = replace(publication, language=_LANGUAGES[script])
    return Composition(shown, series, issues[1], 2, blocks, issues[2])


def _sized(block: Block) -> Block:
    if isinstance(block, Image) and block.src in _PICTURES:
        width, height = _PICTURES[block.src]
        return replace(block, url=block.src, width=width, height=height)
    return block


def _in_scheme(html: str, *, is_dark: bool) -> str:
    # A frame cannot be told which scheme to ask for, so the question is answered in the page.
    shown = _DARK.sub("@media all" if is_dark else "@media not all", html)
    return shown.replace('content="light dark"', f'content="{"dark" if is_dark else "light"}"')


def _picture(width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<rect width="{width}" height="{height}" fill="#dfe7e4"/>'
        f'<circle cx="{width * 0.7:.0f}" cy="{height * 0.4:.0f}" r="{height * 0.2:.0f}" fill="#e7c893"/>'
        f'<path d="M0 {height * 0.7:.0f}Q{width * 0.3:.0f} {height * 0.3:.0f} {width} {height * 0.75:.0f}'
        f'V{height}H0z" fill="#7fa79d"/></svg>\n'
    )


def _index(layouts: Sequence[str]) -> str:
    rows = "".join(_row(layout) for layout in layouts)
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Gallery of blocks</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'><style>"
        "body{margin:0;padding:32px;font:16px/1.5 system-ui,sans-serif;color:#1f2a2e;background:#e6e8e9}"
        "h1{font-size:22px;margin:0}h2{font-size:17px;margin:40px 0 12px}"
        "div{display:flex;gap:24px;overflow-x:auto;padding-bottom:16px}figure{margin:0;flex:none}"
        "figcaption{font-size:14px;color:#4a555b;margin-bottom:6px}a{color:inherit}"
        "iframe{display:block;border:0;height:900px;border-radius:8px;background:#fff;"
        "box-shadow:0 1px 4px rgba(0,0,0,.2)}</style></head><body><h1>Gallery of blocks</h1>"
        f"{rows}</body></html>\n"
    )


def _row(layout: str) -> str:
    frames = "".join(
        f"<figure><figcaption><a href='{layout}-{mode}.html'>{mode}, {width} px</a></figcaption>"
        f"<iframe title='{layout}, {mode}, {width} pixels wide' src='{layout}-{mode}.html'"
        f" width='{width}' loading='lazy'></iframe></figure>"
        for mode in _MODES
        for width in (640, 375)
    )
    return f"<h2>{escape(layout)}</h2><div tabindex='0'>{frames}</div>"


_VALUES = {
    "name": "",
    "address": "reader@example.org",
    "unsubscribe_url": "https://preview.invalid/unsubscribe",
    "view_url": "https://preview.invalid/view",
    "preferences_url": "https://preview.invalid/preferences",
}
