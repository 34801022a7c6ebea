"""A theme: colours, fonts, sizes and spacing. Templates write them as they are, so each is checked first."""

import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from newsletter.domain.slugs import offer
from newsletter.errors import Place, TemplateError
from newsletter.rendering.tokens import Literal

#: Section -> key -> value; colours, fonts and sizes are Literals.
Theme = Mapping[str, Mapping[str, str | int]]
Reader = Callable[[Any], str | int | None]


def _colour(value: Any) -> str | None:
    return Literal(value.lower()) if isinstance(value, str) and _COLOUR.fullmatch(value) else None


def _fonts(value: Any) -> str | None:
    # Single quotes: a font stack stands inside double-quoted attributes.
    stack = value.replace('"', "'") if isinstance(value, str) else ""
    return Literal(stack) if _FONTS.fullmatch(stack) and stack.count("'") % 2 == 0 else None


def _size(value: Any) -> str | None:
    return Literal(value) if isinstance(value, str) and _SIZE.fullmatch(value) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _url(value: Any) -> str | None:
    is_url = isinstance(value, str) and (not value or value.startswith("https://"))
    return value if is_url else None


def _pixels(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= 600 else None


_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FONTS = re.compile(r"[A-Za-z0-9 ,'-]+")
_SIZE = re.compile(r"[0-9]{1,3}px")

_COLOURS: Mapping[str, Reader] = dict.fromkeys(
    ("canvas", "card", "text", "muted", "accent", "on_accent", "callout", "table_head", "rule"), _colour
)
_SCHEMA: Mapping[str, Mapping[str, Reader]] = {
    "colors": _COLOURS,
    "dark": _COLOURS,
    "fonts": dict.fromkeys(("heading", "text", "code"), _fonts),
    "sizes": dict.fromkeys(
        [f"{name}{part}" for name in ("h1", "h1_phone", "h2", "text", "small") for part in ("", "_line")],
        _size,
    ),
    "spacing": dict.fromkeys(("width", "gutter", "gutter_phone", "block", "section", "heading"), _size),
    "logo": {"url": _url, "alt": _text, "width": _pixels, "height": _pixels},
}
_EXPECTED: Mapping[Reader, str] = {
    _colour: 'a colour like "#0b6b62"',
    _fonts: "font names separated by commas",
    _size: 'a size like "24px"',
    _text: "a text",
    _url: "an address that begins with https://",
    _pixels: "whole pixels from 0 to 600",
}


def load_theme(shipped: str, own: str | None, place: Place) -> Theme:
    """Read the shipped theme and lay a letter's own values over it.

    Raises TemplateError with the line of a key that does not exist or a value that cannot be used.
    """
    theme = _read(shipped, place)
    if own is not None:
        for section, values in _read(own, place).items():
            theme[section] = {**theme.get(section, {}), **values}
    for section, keys in _SCHEMA.items():
        if missing := set(keys) - set(theme.get(section, {})):
            raise TemplateError(f"[{section}] lacks {min(missing)!r}", place=Place(place.file))
    logo = theme["logo"]
    if logo["url"] and not (logo["width"] and logo["height"]):
        raise TemplateError(
            "the logo has no size", place=Place(place.file), mend="write its width and height under [logo]"
        )
    return theme


def _read(source: str, place: Place) -> dict[str, dict[str, str | int]]:
    try:
        written = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise TemplateError(
            f"this is not TOML: {error}", place=Place(place.file, int(line.group(1)) if line else 0)
        ) from error
    return {section: _section(section, values, source, place.file) for section, values in written.items()}


def _section(section: str, values: Any, source: str, file: str) -> dict[str, str | int]:
    if section not in _SCHEMA or not isinstance(values, dict):
        line = _line_of(source, section, "")
        mend = offer(section, _SCHEMA)
        raise TemplateError(f"a theme has no section {section!r}", place=Place(file, line), mend=mend)
    read: dict[str, str | int] = {}
    for key, value in values.items():
        place = Place(file, _line_of(source, section, key))
        reader = _SCHEMA[section].get(key)
        if reader is None:
            mend = offer(key, _SCHEMA[section])
            raise TemplateError(f"[{section}] has no key {key!r}", place=place, mend=mend)
        if (usable := reader(value)) is None:
            raise TemplateError(f"{value!r} cannot be used for {key!r}", place=place, mend=_mend(reader))
        read[key] = usable
    return read


def _mend(reader: Reader) -> str:
    return f"write {_EXPECTED[reader]}"


def _line_of(source: str, section: str, key: str) -> int:
    current, found = "", 0
    for number, line in enumerate(source.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = header.group(1)
            found = number if current == section else found
            continue
        # A value that belongs to no section is a misspelt or missing header.
        wanted = key if current == section else section if not current else ""
        if wanted and re.match(rf'\s*"?{re.escape(wanted)}"?\s*=', line):
            return number
    return found
