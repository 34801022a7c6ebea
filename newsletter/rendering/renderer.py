"""An issue becomes a revision: templates, MJML of tokens, HTML, styles, and the pieces that are kept.

The same composition and templates give the same bytes, in any process.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import unescape
from pathlib import Path

from css_inline import CSSInliner

from newsletter.domain.blocks import Block, children
from newsletter.domain.dress import Dress
from newsletter.domain.letter import Composition
from newsletter.domain.pieces import plain, split
from newsletter.domain.revision import Revision
from newsletter.domain.series import Series
from newsletter.domain.slugs import offer
from newsletter.errors import LetterError
from newsletter.rendering.mjml import compile_mjml
from newsletter.rendering.seen import Seen, see
from newsletter.rendering.sources import Shelf, Sources
from newsletter.rendering.structure import Marked, unmark
from newsletter.rendering.templates import Templates, mjml_templates, text_templates
from newsletter.rendering.theme import Look, load_look
from newsletter.rendering.tokens import Fragment, Late, restore

#: Blocks inside blocks beyond this are refused; a reader is lost long before.
MAX_NESTING = 10

_LAYOUT, _TWIN = "layout.mjml.j2", "layout.txt.j2"
_INLINED, _KEPT = "inline.css.j2", "head.css.j2"
_HREF = re.compile(r'\bhref="([^"\ue000]+)"')
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BLANK_LINES = re.compile(r"\n{3,}")


class Renderer:
    """Render issues with the templates of a letter; what was compiled is kept until a file changes."""

    def __init__(self, letter_templates: Path | None, shipped_templates: Path) -> None:
        """Take the letter's `templates/email` folder, whose files replace those of the shipped one."""
        self._shelf = Shelf(letter_templates, shipped_templates)
        self._stamp: Sequence[object] | None = None

    def changed_templates(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Read the letter's own templates that differ from the shipped ones, and the shipped ones."""
        return self._shelf.changed()

    def render(self, composition: Composition) -> Revision:
        """Render an issue whose images are frozen.

        Raises TemplateError for a template that cannot be used, LetterError for content nested too deeply.
        """
        for section in composition.blocks:
            _check_nesting(section, 1)
        kit, seen = self._ready(composition.series), see(composition)
        html = _html(kit, seen)
        return Revision(
            source_hash=seen.digest(kit.digest),
            sender=seen.series.sender,
            reply_to=seen.series.reply_to,
            subject=split(seen.issue.subject),
            preheader=plain(split(seen.issue.preheader)),
            html=split(html, is_html=True),
            text=split(_text(kit, seen)),
            links=_links(html),
        )

    def source_hash(self, composition: Composition) -> str:
        """Name what an issue is made from without rendering it: content, settings, templates and theme."""
        return see(composition).digest(self._ready(composition.series).digest)

    def skeleton(self, composition: Composition) -> Marked:
        """Return the MJML that an issue's HTML is compiled from; tokens stand for its content."""
        return _skeleton(self._ready(composition.series), see(composition))

    def layouts(self) -> Sequence[str]:
        """List the layouts that a series can name."""
        return self._read().layouts

    def dress(self) -> Dress:
        """Return the colours and type of the theme; those of the shipped one where it cannot be used."""
        try:
            self._read()
        except LetterError:
            # Who asks to subscribe waits; that the theme is broken is told by every command that renders.
            return Dress()
        theme = self._look.theme
        light, dark = ({name: str(one) for name, one in theme[part].items()} for part in ("colors", "dark"))
        return Dress(light, dark, str(theme["fonts"]["heading"]), str(theme["fonts"]["text"]))

    def _read(self) -> Sources:
        stamp = self._shelf.stamp()
        if self._stamp != stamp:
            self._sources = self._shelf.read()
            self._look = load_look(self._sources)
            self._kits: dict[str, _Kit] = {}
            self._stamp = stamp
        return self._sources

    def _ready(self, series: Series) -> "_Kit":
        sources = self._read()
        layout = series.layout or self._look.layout
        if layout not in sources.layouts:
            raise LetterError(
                f"there is no layout {layout!r}",
                place=(series.layout_place or series.place) if series.layout else self._look.place,
                mend=offer(layout, sources.layouts),
            )
        if layout not in self._kits:
            self._kits[layout] = _prepare(sources, self._look, layout)
        return self._kits[layout]


@dataclass(frozen=True)
class _Kit:
    digest: str
    mjml: Templates
    text: Templates
    styles: Fragment
    inline: Callable[[str], str]


def _prepare(sources: Sources, look: Look, layout: str) -> _Kit:
    templates = sources.of(layout)
    mjml = mjml_templates(templates, look.theme)
    # Only the rules of inline.css.j2: what stands in <style> is for clients that can read it there.
    inliner = CSSInliner(
        inline_style_tags=False,
        keep_style_tags=True,
        keep_link_tags=True,
        load_remote_stylesheets=False,
        extra_css=_compact(mjml.fill(_INLINED, {})),
    )
    styles = Fragment(_compact(mjml.fill(_KEPT, {})))
    text = text_templates(templates, look.theme)
    return _Kit(f"{layout} {sources.digest()}", mjml, text, styles, partial(inliner.inline))


def _skeleton(kit: _Kit, seen: Seen) -> Marked:
    return unmark(kit.mjml.fill(_LAYOUT, {**seen.values(), "styles": kit.styles}))


def _html(kit: _Kit, seen: Seen) -> str:
    late = Late()
    document = restore(compile_mjml(_skeleton(kit, seen)), late)
    return late.restore(kit.inline(document))


def _text(kit: _Kit, seen: Seen) -> str:
    written = kit.text.fill(_TWIN, seen.values())
    trimmed = "\n".join(line.rstrip() for line in written.split("\n"))
    return _BLANK_LINES.sub("\n\n", trimmed).strip("\n") + "\n"


def _links(html: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(unescape(url) for url in _HREF.findall(html)))


def _compact(css: str) -> str:
    lines = (line.strip() for line in _COMMENT.sub("", css).split("\n"))
    return "\n".join(line for line in lines if line)


def _check_nesting(blocks: Sequence[Block], depth: int) -> None:
    for block in blocks:
        if depth > MAX_NESTING:
            raise LetterError(
                f"this stands more than {MAX_NESTING} levels deep in lists, quotes or notes",
                place=block.place,
            )
        _check_nesting(children(block), depth + 1)
