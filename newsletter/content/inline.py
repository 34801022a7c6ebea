"""Runs of text: Markdown's tokens become a sanitised fragment and its plain twin."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from newsletter.content.sanitising import is_safe_link, is_too_deep, link_text, sanitise, text_of
from newsletter.domain.blocks import Inline
from newsletter.domain.pieces import fence_written
from newsletter.errors import LetterError, Place

_KEPT = {
    "strong_open": "<strong>",
    "strong_close": "</strong>",
    "em_open": "<em>",
    "em_close": "</em>",
    "hardbreak": "<br>",
}


def render_inline(tokens: Sequence[Token], place: Place) -> Inline:
    """Render the children of an inline token in both forms.

    Raises LetterError for a picture, which needs a paragraph of its own.
    """
    run = _Run(place)
    for token in tokens:
        run.add(token)
    return run.finish()


def plain_text(tokens: Sequence[Token], place: Place) -> str:
    """Read tokens as text on one line without the targets of links."""
    kept = [token for token in tokens if token.type not in ("link_open", "link_close")]
    return " ".join(render_inline(kept, place).text.split())


@dataclass
class _Run:
    place: Place
    html: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    links: list[tuple[str, int]] = field(default_factory=list)
    is_raw: bool = False

    def add(self, token: Token) -> None:
        match token.type:
            case "text" | "text_special":
                self._write(fence_written(token.content))
            case "code_inline":
                self.html.append(f"<code>{html.escape(token.content, quote=False)}</code>")
                self.text.append(token.content)
            case "softbreak":
                self._write(" ")
            case "html_inline":
                self.is_raw = True
                self.html.append(token.content)
            case "link_open":
                self._open_link(str(token.attrGet("href") or ""))
            case "link_close":
                self._close_link()
            case "image":
                raise LetterError(
                    "a picture stands inside a line of text",
                    place=self.place,
                    mend="put it between two empty lines, in a paragraph of its own",
                )
            case kind:
                self.html.append(_KEPT.get(kind, ""))
                self.text.append("\n" if kind == "hardbreak" else "")

    def finish(self) -> Inline:
        fragment = "".join(self.html)
        if not self.is_raw:
            return Inline(fragment, "".join(self.text))
        return _cleaned(fragment, self.place)

    def _write(self, text: str) -> None:
        self.html.append(html.escape(text, quote=False))
        self.text.append(text)

    def _open_link(self, url: str) -> None:
        self.links.append((url if is_safe_link(url) else "", len(self.text)))
        self.html.append(f'<a href="{html.escape(url)}">' if self.links[-1][0] else "")

    def _close_link(self) -> None:
        url, start = self.links.pop()
        if not url:
            return
        self.html.append("</a>")
        label = "".join(self.text[start:])
        self.text[start:] = [link_text(label, url)]


def raw_inline(fragment: str, place: Place) -> Inline:
    """Sanitise HTML that an author wrote, and find the fields in its text.

    Raises LetterError where it is nested beyond reason.
    """
    cleaned = _cleaned(fragment, place).html
    parts = re.split(r"(<[^>]*>)", cleaned)
    fenced = "".join(part if part.startswith("<") else fence_written(part) for part in parts)
    return Inline(fenced, text_of(fenced))


def _cleaned(fragment: str, place: Place) -> Inline:
    if is_too_deep(fragment):
        raise LetterError("this HTML is nested too deeply", place=place, mend="write it with fewer elements")
    cleaned = sanitise(fragment).strip()
    return Inline(cleaned, text_of(cleaned))
