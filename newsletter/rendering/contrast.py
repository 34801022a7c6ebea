"""Can what a theme writes be read on its grounds. The arithmetic is that of WCAG 2.2 (relative luminance)."""

from collections.abc import Mapping

from newsletter.errors import Place, TemplateError

#: The sections of a theme that hold colours.
SCHEMES = ("colors", "dark")
#: WCAG 2.2 SC 1.4.3. Accents and muted text are small somewhere, so none has the ease of large text.
LEAST = 4.5
_GROUNDS = {
    "text": ("card", "callout", "table_head"),
    "muted": ("card", "canvas", "callout"),
    "accent": ("card", "callout"),
    "on_accent": ("accent",),
}


def check_contrast(
    scheme: str, colours: Mapping[str, str | int], places: Mapping[tuple[str, str], Place]
) -> None:
    """Raise TemplateError at the first colour that cannot be read on a ground it stands on."""
    for fore, grounds in _GROUNDS.items():
        colour = str(colours[fore])
        ratio, ground = min((contrast(colour, str(colours[ground])), ground) for ground in grounds)
        if ratio >= LEAST:
            continue
        raise TemplateError(
            f"[{scheme}] {fore} {colour} on {ground} {colours[ground]} has a contrast of {_cut(ratio)}:1, "
            f"and needs {LEAST}:1",
            place=max(places[scheme, fore], places[scheme, ground], key=_is_own),
            mend=f"write {_readable(colour, str(colours[ground]))} for {fore}, or change {ground}",
        )


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours such as `#0b6b62`, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _is_own(place: Place) -> tuple[bool, bool]:
    # A letter's own line before one of a shipped theme, which is not there to be mended.
    return (place.line > 0, not place.file.endswith(".theme.toml"))


def _cut(ratio: float) -> str:
    # Never rounded up: 4.49 is not enough, and must not read as 4.5.
    return f"{int(ratio * 10) / 10:.1f}"


def _readable(colour: str, ground: str) -> str:
    end = max("#000000", "#ffffff", key=lambda one: contrast(one, ground))
    mixes = (_mixed(colour, end, step / 50) for step in range(1, 51))
    return next(mixed for mixed in mixes if contrast(mixed, ground) >= LEAST)


def _mixed(colour: str, end: str, share: float) -> str:
    pairs = zip(_parts(colour), _parts(end), strict=True)
    return "#" + "".join(f"{round(one + (other - one) * share):02x}" for one, other in pairs)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
