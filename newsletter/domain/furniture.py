"""What a web page puts around an article: bylines, dates, share bars, author boxes, comments.

Only short lines that are no sentence are taken for furniture one by one; what begins a tail takes the rest.
"""

import re
from collections.abc import Sequence

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DATE = (
    rf"(?:{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}|\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH},?\s+\d{{4}}"
    r"|\d{4}-\d{2}-\d{2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4})"
)
_SITE = r"(?:share|tweet|pin(?: it)?|facebook|twitter|x|linkedin|pinterest|whatsapp|e-?mail|copy link|print)"
_RULES = (
    ("a date", rf"(?:(?:last )?(?:updated|published|posted)(?: on)?:?\s*)?{_DATE}"),
    ("the reading time", r"\d+\s*-?\s*min(?:ute)?s?(?:\s+read)?|reading time:?.*"),
    ("comments", r"(?:\d+\s+|no\s+)?comments?(?:\s*\(\d+\))?(?: yet)?|leave a (?:comment|reply)"),
    ("a share bar", rf"(?:share (?:this|on)\b.{{0,30}}|{_SITE}(?:[\s|·,/]+{_SITE})*:?)"),
    (
        "navigation",
        r"(?:home|blog)(?:\s*[>›»/]\s*\S.*)+|(?:skip to|table of) (?:main )?contents?|back to top",
    ),
    ("navigation", r"(?:previous|next) (?:post|article)|log ?in|sign (?:up|in)|menu|search|subscribe"),
    ("a copyright line", r"(?:©|\(c\)|copyright\b).*|.*all rights reserved\.?"),
    ("a cookie notice", r".*\b(?:uses?|accept)\s+(?:all\s+)?cookies\b.*"),
    ("an invitation to click", r"click here\b.{0,60}"),
)
_FURNITURE = tuple((why, re.compile(pattern, re.IGNORECASE)) for why, pattern in _RULES)
_BYLINE = re.compile(r"(?:written |posted |reviewed )?by\s+[A-Z]\S*(?:\s+\S+){0,4}", re.IGNORECASE)
_CAPTION = re.compile(r"(?:\S+\s+){1,5}(?:image|photo|logo|avatar)", re.IGNORECASE)
_TAIL = re.compile(
    r"(?:about the authors?|author bio|(?:related|recent) (?:posts?|articles?|reading|stories)|"
    r"you (?:might|may) also (?:like|enjoy)|more from .{1,40}|popular posts?|recommended(?: for you)?|"
    r"(?:\d+ )?comments?(?:\s*\(\d+\))?|leave a (?:comment|reply)):?",
    re.IGNORECASE,
)
_LEAD = "-–—•|·* "
_MAX = 120
#: A byline stands among the first lines, and a tail begins after this part of a page.
_HEAD_LINES = 6
_TAIL_FROM = 0.5
_MIN_REPEATED = 12


def furniture(lines: Sequence[tuple[int, str]]) -> dict[int, str]:
    """Return the numbers of the lines that are no part of an article, each with what it is.

    Takes the lines that are not blank, with their numbers, the title first among those that stay.
    """
    found = {number: why for number, text in lines if (why := _is_furniture(text))}
    title = next((number for number, _ in lines if number not in found), 0)
    found |= _head(lines, title, found)
    found |= _tail(lines)
    found |= _repeated_title(lines, title)
    return found | _captions(lines, found)


def _is_furniture(text: str) -> str:
    bare = text.strip(_LEAD)
    if len(bare) > _MAX:
        return ""
    return next((why for why, pattern in _FURNITURE if pattern.fullmatch(bare)), "")


def _head(lines: Sequence[tuple[int, str]], title: int, found: dict[int, str]) -> dict[int, str]:
    """Find bylines under the title: `By …`, or points of a list in which a date or a reading time stands."""
    after = [one for one in lines if one[0] > title][:_HEAD_LINES]
    byline = {number: "a byline" for number, text in after if _is_byline(text)}
    run = []
    for number, text in after:
        if not text.startswith(("-", "•", "|", "·")):
            break
        run.append(number)
    if any(number in found for number in run):
        byline |= {number: "a byline" for number in run if number not in found}
    return byline


def _is_byline(text: str) -> bool:
    bare = text.strip(_LEAD)
    return not bare.endswith((".", ",", ":", "?", "!")) and _BYLINE.fullmatch(bare) is not None


def _tail(lines: Sequence[tuple[int, str]]) -> dict[int, str]:
    late = lines[int(len(lines) * _TAIL_FROM) :]
    for at, (_, text) in enumerate(late):
        if _TAIL.fullmatch(text.strip(_LEAD)):
            why = f"after {text.strip(_LEAD)!r}"
            return {number: why for number, _ in late[at:]}
    return {}


def _repeated_title(lines: Sequence[tuple[int, str]], title: int) -> dict[int, str]:
    full = next((text.casefold() for number, text in lines if number == title), "")
    return {
        number: "the title again"
        for number, text in lines
        if number > title and len(text) >= _MIN_REPEATED and full.startswith(text.casefold())
    }


def _captions(lines: Sequence[tuple[int, str]], found: dict[int, str]) -> dict[int, str]:
    # Only beside other furniture: "The bigger picture" may well be a heading.
    captions = {}
    for at, (number, text) in enumerate(lines):
        beside = {lines[n][0] for n in (at - 1, at + 1) if 0 <= n < len(lines)}
        if number not in found and beside & found.keys() and _CAPTION.fullmatch(text):
            captions[number] = "a caption"
    return captions
