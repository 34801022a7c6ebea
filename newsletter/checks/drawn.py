"""What a mail looks like as Chromium draws it: in light and dark, without pictures, on a narrow phone.

Contrast is judged in four models: the light style, the author's dark style, colours darkened by a client
(by arithmetic, and as Chromium does it), and pictures off.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newsletter.checks.colours import (
    CONTRAST,
    GONE_INVERTED,
    HOPELESS,
    LEAST,
    LEAST_LARGE,
    LOW,
    LOW_INVERTED,
    Colour,
    contrast,
    turned,
)
from newsletter.checks.page import Seen, Sightings
from newsletter.checks.rules import Rule, error, warning

#: How wide the screens of phones are, in CSS pixels.
PHONES = (320, 360)
TARGET, TARGET_LARGE = 24, 44
#: As Chromium draws letters, their edges are paler than the colour that was chosen.
LEAST_DRAWN = 3.0
#: Rounded corners leave less of a picture clear than a cut-out does.
CLEAR, LEAST_LUMINANCE, OUTLINED = 0.1, 0.25, 0.5

DARK_LOW = error(
    "contrast-too-low-in-the-dark",
    "DARK-2",
    "drawn with the mail's own dark style, text has a contrast below 4.5:1, or 3:1 where it is large",
    "Apple Mail shows this style to everybody whose phone is dark",
    "set both colours in the dark part of theme.toml or of the style",
    CONTRAST,
)
DARKENED = warning(
    "text-lost-when-darkened",
    "DARK-3",
    "where Chromium forces dark colours upon the mail, text is drawn with a contrast below 3:1",
    "a client that darkens a mail turns dark letters pale, and leaves the picture under them",
    "give the text a background-color of its own",
    CONTRAST,
)
WITHOUT_PICTURES = error(
    "contrast-lost-without-pictures",
    "CSS-5",
    "while pictures are not shown, a text or an `alt` has a contrast below 4.5:1, or 3:1 where it is large",
    "many clients show no picture before the reader asks for it",
    "give the ground under it a background-color, and the picture a color for its alt",
    CONTRAST,
)
OVER_PICTURE = warning(
    "text-over-picture",
    "DARK-3",
    "text stands over a picture or a gradient without a ground of its own",
    "a dark mode may turn the letters round and leave the picture, or the other way",
    "give the text a background-color of its own",
)
PICTURE_LOST = warning(
    "picture-lost-in-the-dark",
    "DARK-4",
    "a PNG or GIF is transparent in a tenth of its pixels or more, the rest has a mean luminance below 0.25,"
    " and less than half of its edge is lighter",
    "where the ground under it turns dark, dark lines are gone",
    "draw a light outline around it, or fill its ground",
)
TOO_WIDE = error(
    "wider-than-the-screen",
    "LAY-1",
    "the mail is wider than a screen of 320 or 360 pixels",
    "readers must push every line to and fro, or the whole mail is shown tiny",
    "let it shrink: width 100%, words that may break, fewer columns",
    "WCAG 2.2 SC 1.4.10",
)
TARGET_TINY = error(
    "target-too-small",
    "A11Y-7",
    "a link outside of a sentence is below 24 by 24 pixels, and another is within 12 of its middle",
    "a finger meets the wrong one",
    "give it padding, or room around it",
    "WCAG 2.2 SC 2.5.8",
)
TARGET_SMALL = warning(
    "target-small",
    "A11Y-7",
    "a link outside of a sentence is below 44 pixels in height, or in width with another beside it",
    "a finger covers some 44 pixels",
    "give it padding above and below",
    "WCAG 2.2 SC 2.5.5; developer.apple.com/design/human-interface-guidelines",
)

Measured = Mapping[str, Any]


@dataclass(frozen=True)
class Drawn:
    """What was measured of one issue: the texts of each model, and by the width of a screen what is wider.

    `cutouts` are its PNGs and GIFs: `clear` and `outline` are shares, `luminance` is a mean, all from 0 to 1.
    """

    light: Sequence[Measured]
    dark: Sequence[Measured]
    darkened: Sequence[Measured]
    bare: Sequence[Measured]
    excess: Mapping[int, Measured]
    targets: Sequence[Measured]
    cutouts: Sequence[Measured] = ()


def judge(drawn: Drawn) -> Sightings:
    """Say what is too little in what was measured; of texts in the same two colours, of the first."""
    lost = {_key(one): _contrast(one) for one in drawn.darkened if _contrast(one) < LEAST_DRAWN}
    yield from _judge_light(drawn.light, lost)
    told = {_key(one) for one in drawn.light if _contrast(one) < _least(one)}
    for one in _distinct(drawn.dark):
        if not (one["picture"] or one["alt"]) and _contrast(one) < _least(one) and _key(one) not in told:
            yield _low(DARK_LOW, one, _contrast(one))
    over = {_key(one) for one in drawn.light if one["picture"]}
    for one in _distinct(drawn.bare):
        is_new = one["alt"] or _key(one) in over
        if is_new and not one["picture"] and _contrast(one) < _least(one):
            yield _low(WITHOUT_PICTURES, one, _contrast(one))
    for one in _distinct(drawn.light):
        if _key(one) in lost and _contrast(one) >= _least(one):
            yield _low(DARKENED, one, lost[_key(one)])
    yield from _judge_cutouts(drawn.cutouts)
    yield from _judge_size(drawn)


def _judge_light(texts: Iterable[Measured], lost: Mapping[str, float]) -> Sightings:
    for one in _distinct(texts):
        if one["alt"]:
            continue
        if one["picture"] and _key(one) not in lost:
            yield Seen(OVER_PICTURE, f"{_said(one)} stands over a picture", about=one["text"])
        if one["picture"]:
            continue
        plain, inverted = _contrast(one), contrast(turned(_colour(one["fore"])), turned(_colour(one["back"])))
        if plain < _least(one):
            yield _low(LOW, one, plain)
        elif inverted < HOPELESS:
            yield _low(GONE_INVERTED, one, inverted)
        elif inverted < _least(one):
            yield _low(LOW_INVERTED, one, inverted)


def _judge_cutouts(pictures: Iterable[Measured]) -> Sightings:
    for one in pictures:
        is_dark = one["luminance"] < LEAST_LUMINANCE and one["outline"] < OUTLINED
        if is_dark and one["clear"] >= CLEAR:
            what = f"{one['clear']:.0%} of a picture is clear, and the rest has a luminance of"
            yield Seen(PICTURE_LOST, f"{what} {one['luminance']:.2f}", about=one["name"])


def _judge_size(drawn: Drawn) -> Sightings:
    for screen, one in drawn.excess.items():
        what = f"the mail is {one['width']} pixels wide on a screen of {screen}"
        reach = f", by a <{one['tag']}>" if one["tag"] else ""
        yield Seen(TOO_WIDE, what + reach, about=one["about"])
    for one in drawn.targets:
        width, height = round(one["width"]), round(one["height"])
        what = f"the link {_said(one)} is {width} by {height} pixels"
        if min(one["width"], one["height"]) < TARGET and one["room"] < TARGET / 2:
            yield Seen(TARGET_TINY, what, about=one["text"])
        elif round(one["height"]) < TARGET_LARGE:
            yield Seen(TARGET_SMALL, what, about=one["text"])


def _low(rule: Rule, one: Measured, ratio: float) -> Seen:
    then = "" if rule is LOW else " then"
    return Seen(rule, f"{_said(one)} has a contrast of {ratio:.1f}{then}", about=one["text"])


def _distinct(texts: Iterable[Measured]) -> Iterable[Measured]:
    # Small letters first: they ask for more contrast than large ones do.
    by_look: dict[object, Measured] = {}
    for one in sorted(texts, key=_least, reverse=True):
        by_look.setdefault((*one["fore"], *one["back"], one["picture"], one["alt"]), one)
    return by_look.values()


def _said(one: Measured) -> str:
    return repr(one["text"][:40])


def _key(one: Measured) -> str:
    return str(one["text"])


def _contrast(one: Measured) -> float:
    return contrast(_colour(one["fore"]), _colour(one["back"]))


def _least(one: Measured) -> float:
    return LEAST_LARGE if one["size"] >= 24 or (one["bold"] and one["size"] >= 18.66) else LEAST


def _colour(channels: Sequence[float]) -> Colour:
    red, green, blue = channels
    return red, green, blue
