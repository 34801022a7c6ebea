"""Can the letters be told from their ground: as they are, and where a client turns light to dark.

The arithmetic is that of WCAG 2.2 (relative luminance); a full inversion turns the lightness of HSL round.
"""

import re
from collections.abc import Iterator
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborNode

from newsletter.checks.page import Page, Seen, Sightings, declared, folded, is_hidden
from newsletter.checks.rules import error, info, warning

LEAST, LEAST_LARGE, HOPELESS = 4.5, 3.0, 2.0
CONTRAST = "WCAG 2.2 SC 1.4.3"

LOW = error(
    "contrast-too-low",
    "A11Y-5",
    "text has a contrast below 4.5:1 to its ground, or 3:1 from 24 px on (18.66 px in bold)",
    "many people cannot read it, and nobody in the sun",
    "choose a darker or a lighter colour in theme.toml",
    CONTRAST,
)
LOW_INVERTED = warning(
    "contrast-lost-in-the-dark",
    "DARK-1",
    "the same holds when both colours' lightness is turned round",
    "some clients turn every colour round in dark mode, whatever the mail says",
    "choose a less saturated colour in theme.toml",
    CONTRAST,
)
GONE_INVERTED = error(
    "text-gone-in-the-dark",
    "DARK-1",
    "the contrast is below 2:1 when both colours' lightness is turned round",
    "some clients turn every colour round in dark mode, and the text is gone",
    "choose a less saturated colour in theme.toml",
    CONTRAST,
)
UNDECLARED = info(
    "colour-schemes-undeclared",
    "DARK-5",
    "the meta elements `color-scheme` and `supported-color-schemes` are missing",
    "Apple Mail then chooses dark colours of its own",
    "put them back into the layout",
    "www.caniemail.com/features/html-meta-color-scheme",
)

Colour = tuple[float, float, float]
_NAMED = {"black": "#000000", "white": "#ffffff", "red": "#ff0000", "gray": "#808080", "grey": "#808080"}
_UNSEEN = re.compile(r"[\s\u200b-\u200f\u034f\u00a0]*")


@dataclass(frozen=True)
class _Look:
    fore: Colour | None = (0.0, 0.0, 0.0)
    back: Colour | None = (1.0, 1.0, 1.0)
    size: float = 16.0
    bold: bool = False

    @property
    def least(self) -> float:
        return LEAST_LARGE if self.size >= 24 or (self.bold and self.size >= 18.66) else LEAST


def check_colours(page: Page) -> Sightings:
    """Check the contrast of every text by its inline styles, once for each pair of colours."""
    seen: set[_Look] = set()
    for look, text in _texts(page):
        if look in seen or look.fore is None or look.back is None:
            continue
        seen.add(look)
        plain, dark = contrast(look.fore, look.back), contrast(turned(look.fore), turned(look.back))
        if plain < look.least:
            yield Seen(LOW, f"{text[:40]!r} has a contrast of {plain:.1f}", about=text)
        elif dark < HOPELESS:
            yield Seen(GONE_INVERTED, f"{text[:40]!r} has a contrast of {dark:.1f} then", about=text)
        elif dark < look.least:
            yield Seen(LOW_INVERTED, f"{text[:40]!r} has a contrast of {dark:.1f} then", about=text)
    names = {node.attributes.get("name") for node in page.tree.css("head meta")}
    if not {"color-scheme", "supported-color-schemes"} <= names:
        yield Seen(UNDECLARED, "the layout declares no colour schemes")


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def colour_of(written: str) -> Colour | None:
    """Read a colour of CSS; None for one that cannot be told, such as a gradient."""
    text = _NAMED.get(written.strip().lower(), written.strip().lower())
    if found := re.match(r"#([0-9a-f]{6})\b", text):
        digits = found.group(1)
    elif found := re.match(r"#([0-9a-f]{3})\b", text):
        digits = "".join(2 * one for one in found.group(1))
    elif found := re.match(r"rgb\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)", text):
        digits = "".join(f"{min(int(one), 255):02x}" for one in found.groups())
    else:
        return None
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def _texts(page: Page) -> Iterator[tuple[_Look, str]]:
    stack: list[tuple[LexborNode, _Look]] = [(page.tree.body, _Look())] if page.tree.body else []
    while stack:
        node, look = stack.pop()
        inner = _looked(node, look)
        for child in node.iter(include_text=True):
            if child.tag == "-text":
                if not _UNSEEN.fullmatch(text := child.text()):
                    yield inner, folded(text)
            elif child.tag not in ("style", "script") and not is_hidden(child):
                stack.append((child, inner))


def _looked(node: LexborNode, look: _Look) -> _Look:
    fore = declared(node, "color")
    back = declared(node, "background-color") or declared(node, "background")
    back = back or node.attributes.get("bgcolor") or ""
    size = re.fullmatch(r"([\d.]+)px", declared(node, "font-size"))
    weight = declared(node, "font-weight")
    is_bold = node.tag in ("strong", "b", "th") or weight in ("bold", "600", "700", "800", "900")
    return replace(
        look,
        fore=colour_of(fore) if fore else look.fore,
        back=colour_of(back) if back and back not in ("transparent", "none") else look.back,
        size=float(size.group(1)) if size else look.size,
        bold=is_bold or (look.bold and not weight),
    )


def _luminance(colour: Colour) -> float:
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def turned(colour: Colour) -> Colour:
    """Turn the lightness of a colour round."""
    hue, light, saturation = rgb_to_hls(*colour)
    return hls_to_rgb(hue, 1 - light, saturation)
