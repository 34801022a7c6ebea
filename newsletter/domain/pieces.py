"""Text with fields in it: what differs between two subscribers, and nothing else."""

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

#: The fields that an editor may write as `{{ name }}` or `{{ name or "there" }}`.
EDITOR_FIELDS = frozenset({"name"})
#: The fields that only templates and headers use.
TEMPLATE_FIELDS = frozenset({"address", "unsubscribe_url", "view_url", "preferences_url"})
FIELDS = EDITOR_FIELDS | TEMPLATE_FIELDS

# Private-use characters fence a field inside a string: no Markdown, HTML or CSS tool gives them a meaning.
_OPEN, _MIDDLE, _CLOSE = "\ue000", "\ue001", "\ue002"
_FENCED = re.compile(f"{_OPEN}([a-z_]+){_MIDDLE}([^{_CLOSE}]*){_CLOSE}")
_WRITTEN = re.compile(r"\{\{\s*([a-z_]+)(?:\s+or\s+[\"“'‘]?(.*?)[\"”'’]?)?\s*\}\}")


@dataclass(frozen=True, slots=True)
class Field:
    """A place that one recipient's value fills; `fallback` stands in for an empty value."""

    name: str
    fallback: str = ""


#: Neutral text, not yet escaped or encoded for where it lands.
Pieces = tuple[str | Field, ...]


def fence(field: Field) -> str:
    """Write a field into a string so that `split` finds it again."""
    return f"{_OPEN}{field.name}{_MIDDLE}{field.fallback}{_CLOSE}"


def fence_written(text: str) -> str:
    """Replace the `{{ name or "there" }}` of an editor by fenced fields; leave unknown names as they are."""

    def replace(match: re.Match[str]) -> str:
        name, fallback = match.group(1), match.group(2) or ""
        return fence(Field(name, fallback)) if name in EDITOR_FIELDS else match.group(0)

    return _WRITTEN.sub(replace, text)


def strip_fences(text: str) -> str:
    """Remove the fence characters, which no text from outside may bring along."""
    return text.translate({ord(char): None for char in (_OPEN, _MIDDLE, _CLOSE)})


def split(text: str, *, is_html: bool = False) -> Pieces:
    """Split a string at its fenced fields; with `is_html` a fallback is unescaped, as fields are neutral."""
    pieces: list[str | Field] = []
    end = 0
    for match in _FENCED.finditer(text):
        if match.start() > end:
            pieces.append(text[end : match.start()])
        fallback = html.unescape(match.group(2)) if is_html else match.group(2)
        pieces.append(Field(match.group(1), fallback))
        end = match.end()
    if end < len(text):
        pieces.append(text[end:])
    return tuple(pieces)


def plain(pieces: Iterable[str | Field]) -> str:
    """Read pieces as a person without a name would."""
    return "".join(piece.fallback if isinstance(piece, Field) else piece for piece in pieces)


def fill(pieces: Pieces, values: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """Fill in the fields for one reader; an empty value gives way to the fallback."""
    return "".join(
        escape(values.get(piece.name) or piece.fallback) if isinstance(piece, Field) else piece
        for piece in pieces
    )
