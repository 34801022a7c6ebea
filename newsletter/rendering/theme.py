"""A theme: colours, fonts, sizes and spacing. Templates write them as they are, so each is checked first."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from newsletter.domain.slugs import offer
from newsletter.errors import Place, TemplateError
from newsletter.rendering.contrast import SCHEMES, check_contrast
from newsletter.rendering.sources import DEFAULT, THEME, Sources, place_of
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
#: What stands above all sections: the theme that this one builds on, and the layout.
_NAMES = ("base", "layout")
_EXPECTED: Mapping[Reader, str] = {
    _colour: 'a colour like "#0b6b62"',
    _fonts: "font names separated by commas",
    _size: 'a size like "24px"',
    _text: "a text",
    _url: "an address that begins with https://",
    _pixels: "whole pixels from 0 to 600",
}


@dataclass(frozen=True)
class Look:
    """A theme and the layout that it is for; `place` is where the layout is named."""

    theme: Theme
    layout: str
    place: Place


def load_look(sources: Sources) -> Look:
    """Read the shipped theme and lay over it the one that the letter's own builds on, then the letter's own.

    Raises TemplateError with the line of a key that does not exist, a value that cannot be used, or a colour
    that cannot be read on its ground.
    """
    theme: dict[str, dict[str, str | int]] = {}
    places: dict[tuple[str, str], Place] = {}
    look = {"base": "", "layout": DEFAULT}
    for at, (name, source) in enumerate(_layers(sources)):
        for section, values in _read(source, name).items():
            if isinstance(values, str):
                look[section] = values
                places[section, ""] = Place(name, _line_of(source, section, ""))
                continue
            theme[section] = {**theme.get(section, {}), **values}
            # Lines of the file that the letter has replaced would mislead.
            is_hidden = at == 0 and sources.own_theme is not None
            lines = {key: 0 if is_hidden else _line_of(source, section, key) for key in values}
            places |= {(section, key): Place(name, line) for key, line in lines.items()}
    place = place_of(THEME)
    for section, keys in _SCHEMA.items():
        if missing := set(keys) - set(theme.get(section, {})):
            raise TemplateError(f"[{section}] lacks {min(missing)!r}", place=place)
    logo = theme["logo"]
    if logo["url"] and not (logo["width"] and logo["height"]):
        raise TemplateError(
            "the logo has no size", place=place, mend="write its width and height under [logo]"
        )
    for scheme in SCHEMES:
        check_contrast(scheme, theme[scheme], places)
    return Look(theme, look["layout"], places.get(("layout", ""), place))


def _layers(sources: Sources) -> Iterator[tuple[str, str]]:
    yield place_of(THEME).file, sources.shipped_theme
    own, file = sources.own_theme, place_of(THEME).file
    if own is None:
        return
    if base := _read(own, file).get("base", ""):
        names = [name.removesuffix(f".{THEME}") for name in sources.texts if name.endswith(f".{THEME}")]
        if base not in names:
            place = Place(file, _line_of(own, "base", ""))
            raise TemplateError(f"there is no theme {base!r}", place=place, mend=offer(str(base), names))
        yield place_of(f"{base}.{THEME}").file, sources.texts[f"{base}.{THEME}"]
    yield file, own


def _read(source: str, file: str) -> dict[str, dict[str, str | int] | str]:
    try:
        written = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise TemplateError(
            f"this is not TOML: {error}", place=Place(file, int(line.group(1)) if line else 0)
        ) from error
    return {
        name: value if name in _NAMES and isinstance(value, str) else _section(name, value, source, file)
        for name, value in written.items()
    }


def _section(section: str, values: Any, source: str, file: str) -> dict[str, str | int]:
    if section not in _SCHEMA or not isinstance(values, dict):
        line = _line_of(source, section, "")
        mend = offer(section, [*_NAMES, *_SCHEMA])
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
