"""Show a mail as other clients would: turned dark by force, or as Outlook on Windows takes its conditions.

Models of what clients do, not renderings by them: Outlook lays out with Word, and clients differ in what
they turn dark. To invert every lightness is the hardest on a mail, so that is what is shown.
"""

import re
from colorsys import hls_to_rgb, rgb_to_hls

_STYLE_ATTRIBUTE = re.compile(r"""(\bstyle\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_COLOUR_ATTRIBUTE = re.compile(r"""(\b(?:bgcolor|color)\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.IGNORECASE | re.DOTALL)
_COLOURED = re.compile(
    r"((?:^|[;{\s])(?:background(?:-color)?|color|(?:border|outline)[a-z-]*)\s*:)([^;}]+)", re.IGNORECASE
)
_LITERAL = re.compile(
    r"#(?:[0-9a-f]{6}|[0-9a-f]{3})\b|rgba?\(\s*\d+\s*,\s*\d+\s*,\s*\d+|\b(?:black|white|silver|gr[ae]y)\b",
    re.IGNORECASE,
)
_NAMED = {"black": 0, "white": 255, "silver": 192, "gray": 128, "grey": 128}
# What a mail that names no colour stands on, and what its links look like.
_DARK_GROUND = "<style>html{background:#000;color:#fff}a{color:#9db8ff}</style>"

_HIDDEN_FROM_MSO = re.compile(
    r"<!--\[if\s+([^\]]*)\]><!-->(.*?)<!--<!\[endif\]-->", re.IGNORECASE | re.DOTALL
)
_CONDITIONAL = re.compile(r"<!--\[if\s+([^\]]*)\]>(.*?)<!\[endif\]-->", re.IGNORECASE | re.DOTALL)
_TERM = re.compile(r"(!?)\s*(?:(gte?|lte?)\s+)?(mso|ie|vml)(?:\s+(\d+))?", re.IGNORECASE)
_AT_MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", re.IGNORECASE)
_NOT_IN_WORD = re.compile(r"\b(?:border-radius|box-shadow|max-width)\s*:[^;\"'}]*;?", re.IGNORECASE)
# Its settings for Word are no text.
_OFFICE_SETTINGS = re.compile(r"<xml>.*?</xml>", re.IGNORECASE | re.DOTALL)
#: Outlook 2016 and all after it.
_OUTLOOK = 16


def forced_dark(html: str) -> str:
    """Turn the lightness of every colour round, as a client does that inverts all mail."""
    turned = _STYLE_ATTRIBUTE.sub(lambda found: found.group(1) + _turn_declarations(found.group(2)), html)
    turned = _COLOUR_ATTRIBUTE.sub(lambda found: found.group(1) + _turn(found.group(2)), turned)
    turned = _STYLE.sub(
        lambda found: found.group(1) + _turn_declarations(found.group(2)) + found.group(3), turned
    )
    # Before the mail's own styles, so that any colour of theirs wins.
    head = re.search(r"<head\b[^>]*>", turned, re.IGNORECASE)
    at = head.end() if head else 0
    return f"{turned[:at]}{_DARK_GROUND}{turned[at:]}"


def outlook(html: str) -> str:
    """Keep what Outlook's conditions keep, and drop styles that Word does not know."""
    kept = _HIDDEN_FROM_MSO.sub(lambda found: found.group(2) if _holds(found.group(1)) else "", html)
    kept = _CONDITIONAL.sub(lambda found: found.group(2) if _holds(found.group(1)) else "", kept)
    kept = _OFFICE_SETTINGS.sub("", kept)
    kept = _STYLE.sub(lambda found: found.group(1) + _AT_MEDIA.sub("", found.group(2)) + found.group(3), kept)
    return _STYLE_ATTRIBUTE.sub(lambda found: found.group(1) + _NOT_IN_WORD.sub("", found.group(2)), kept)


def _turn_declarations(css: str) -> str:
    # The quotation mark before the first declaration of an attribute counts as its beginning.
    mark, rest = (css[0], css[1:]) if css[:1] in ('"', "'") else ("", css)
    return mark + _COLOURED.sub(lambda found: found.group(1) + _turn(found.group(2)), rest)


def _turn(value: str) -> str:
    return _LITERAL.sub(lambda found: _turn_colour(found.group()), value)


def _turn_colour(written: str) -> str:
    if written.lower() in _NAMED:
        grey = 255 - _NAMED[written.lower()]
        return f"rgb({grey},{grey},{grey})"
    if not written.startswith("#"):
        name, _, numbers = written.partition("(")
        red, green, blue = (min(int(number), 255) for number in numbers.split(","))
        return f"{name}({','.join(map(str, _turned(red, green, blue)))}"
    digits = written[1:] if len(written) == 7 else "".join(2 * digit for digit in written[1:])
    turned = _turned(*bytes.fromhex(digits))
    return f"#{bytes(turned).hex()}"


def _turned(red: int, green: int, blue: int) -> tuple[int, int, int]:
    hue, lightness, saturation = rgb_to_hls(red / 255, green / 255, blue / 255)
    red_, green_, blue_ = hls_to_rgb(hue, 1 - lightness, saturation)
    return round(red_ * 255), round(green_ * 255), round(blue_ * 255)


def _holds(condition: str) -> bool:
    """Tell whether Outlook takes a condition for true; `|` binds less than `&`, and none of ours nests."""
    either = condition.replace("(", "").replace(")", "").split("|")
    return any(all(_term_holds(term) for term in one.split("&")) for one in either)


def _term_holds(term: str) -> bool:
    found = _TERM.fullmatch(term.strip())
    if found is None:
        return False
    negated, relation, who, number = found.groups()
    version = int(number or 0)
    compared = {
        "gte": version <= _OUTLOOK,
        "gt": version < _OUTLOOK,
        "lte": version >= _OUTLOOK,
        "lt": version > _OUTLOOK,
        "": not number or version == _OUTLOOK,
    }
    is_true = who.lower() != "ie" and compared[(relation or "").lower()]
    return is_true != bool(negated)
