"""What a web page puts around an article: bylines, dates, share bars, author boxes, comments.

Only short lines that are no sentence are taken for furniture one by one, and most of them only above the
first or below the last paragraph of the text; what begins a tail takes the rest.
"""

import re
from collections.abc import Sequence

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DATE = (
    rf"(?:{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}|\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH},?\s+\d{{4}}"
    r"|\d{4}-\d{2}-\d{2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4})"
)
_SITE = r"(?:share|tweet|pin(?: it)?|facebook|twitter|x|linkedin|pinterest|whatsapp|e-?mail|copy link|print)"
_COMMENTS = r"(?:\d+\s+|no\s+)?comments?(?:\s*\(\d+\))?(?: yet)?|(?:leave|write|add) a (?:comment|reply)"
_ANYWHERE = (
    ("the reading time", r"\d+\s*-?\s*min(?:ute)?s?\s+read|reading time:?\s*(?:about |~)?\d+\s*min.{0,6}"),
    ("a share bar", rf"share this (?:post|article|page|story|recipe)?:?|{_SITE}(?:[\s|·,/]+{_SITE})+:?"),
    ("navigation", r"(?:home|blog)(?:\s*[>›»]\s*\S.*)+|skip to (?:main )?content|back to top"),
    ("navigation", r"[←«<]?\s*(?:previous|next) (?:post|article)\s*[→»>]?"),
    ("a copyright line", r"(?:©|\(c\)|copyright\s+(?:©|\d{4})).*|all rights reserved"),
    ("a caption", r"(?:photo|image|picture)(?:\s+credits?)?\s*(?::|\b(?:by|courtesy of)\b)\s*\S.{0,60}"),
)
_AT_AN_EDGE = (
    ("a date", rf"(?:(?:last )?(?:updated|published|posted)(?: on)?:?\s*)?{_DATE}"),
    ("comments", _COMMENTS),
    ("a share bar", rf"share on .{{0,20}}|{_SITE}:?"),
    ("navigation", r"home(?:\s*/\s*\S.*)+|table of contents|log ?in|sign (?:up|in)|menu|search|subscribe"),
    ("an invitation to click", r"click here\b.{0,60}"),
    ("a cookie notice", r"(?:accept|reject|allow)(?: all)?(?: cookies)?|cookie (?:policy|settings)"),
)
_COOKIES = re.compile(
    r"(?=.*\bcookies\b)(?=.*\b(?:experience|policy|consent|settings|browser|traffic|(?:web)?site)\b).*", re.I
)
_NAME = r"[A-Z][\w.'’-]*"
_BYLINE = re.compile(
    rf"(?i:(?:written |posted |(?:medically )?reviewed )?by)\s+{_NAME}"
    rf"(?:\s+(?:{_NAME}|and|&|de|van|von)){{0,5}}"
    rf"(?:\s*[|,·•–-]\s*(?i:{_DATE}))?"
)
_CAPTION = re.compile(r"(?:\S+\s+){1,5}(?:image|photo|logo|avatar)", re.I)
_TAIL = re.compile(
    r"(?:(?:related|recent|popular|similar) (?:posts?|articles?)|you (?:might|may) also (?:like|enjoy)|"
    rf"{_COMMENTS}):?",
    re.I,
)
#: These may be headings as well, so they begin a tail only where no paragraph follows.
_SHORT_TAIL = re.compile(
    r"(?:(?:related|recommended) (?:reading|stories)|recommended(?: for you)?|"
    r"more from .{1,40}|read (?:more|next)):?",
    re.I,
)
_AUTHOR = re.compile(r"(?:about|meet) the authors?:?|author bio:?", re.I)
_LEAD = "-–—•|·* "
_ENDS = (".", "!", "?", ":", "…", "”", '"', ")")
_MAX = 120
_MIN_PROSE = 40
#: A byline stands among the first lines, and a tail begins after this part of a page.
_HEAD_LINES = 6
_EDGE_LINES = 8
_TAIL_FROM = 0.5
_MIN_REPEATED = 12

Lines = Sequence[tuple[int, str]]


def furniture(lines: Lines) -> dict[int, str]:
    """Return the numbers of the lines that are no part of an article, each with what it is.

    Takes the lines that are not blank, with their numbers, the title first among those that stay.
    """
    found = _tail(lines)
    body = [line for line in lines if line[0] not in found]
    prose = [at for at, (_, text) in enumerate(body) if is_prose(text)]
    above = min(prose[0], _EDGE_LINES) if prose else 0
    below = prose[-1] if prose else len(body)
    for at, (number, text) in enumerate(body):
        if why := _is_furniture(text, is_edge=at < above or at > below) or _cookies(text, at, len(body)):
            found[number] = why
    title = next((number for number, _ in body if number not in found), 0)
    found |= _head(body, title, found)
    found |= _repeated_title(body, title, below)
    return found | _captions(lines, found)


def is_prose(text: str) -> bool:
    """Tell whether a line is long enough for a paragraph, and ends or breaks off like one."""
    is_sentence = text.endswith(".") and text.count(" ") >= 3
    return is_sentence or len(text) > _MAX or (len(text) >= _MIN_PROSE and text.endswith(_ENDS))


def _is_furniture(text: str, *, is_edge: bool) -> str:
    bare = text.strip(_LEAD)
    if len(bare) > _MAX:
        return ""
    if bare.endswith((".", "!", ",", ";")) and not re.match(r"©|copyright|all rights|\(c\)", bare, re.I):
        return ""
    rules = (*_ANYWHERE, *_AT_AN_EDGE) if is_edge else _ANYWHERE
    return next((why for why, pattern in rules if re.fullmatch(pattern, bare, re.I)), "")


def _cookies(text: str, at: int, count: int) -> str:
    is_outer = at < _EDGE_LINES // 2 or at >= count - _EDGE_LINES // 2
    begins = re.match(r"(?:we|this|our|by)\b", text, re.I)
    return "a cookie notice" if is_outer and begins and _COOKIES.fullmatch(text) else ""


def _head(lines: Lines, title: int, found: dict[int, str]) -> dict[int, str]:
    """Find bylines under the title: `By …`, or points of a list in which a date or a reading time stands."""
    after = [one for one in lines if one[0] > title][:_HEAD_LINES]
    byline = {number: "a byline" for number, text in after if _BYLINE.fullmatch(text.strip(_LEAD))}
    run = []
    for number, text in after:
        if not text.startswith(("-", "•", "|", "·")):
            break
        run.append(number)
    if any(number in found for number in run):
        byline |= {number: "a byline" for number in run if number not in found}
    return byline


def _tail(lines: Lines) -> dict[int, str]:
    prose = [at for at, (_, text) in enumerate(lines) if is_prose(text)]
    found: dict[int, str] = {}
    for at in range(int(len(lines) * _TAIL_FROM), len(lines)):
        number, text = lines[at]
        bare = text.strip(_LEAD)
        if number in found or not prose or prose[0] > at:
            continue
        is_last = prose[-1] < at
        if _TAIL.fullmatch(bare) or (is_last and _SHORT_TAIL.fullmatch(bare)):
            return found | {later: f"after {bare!r}" for later, _ in lines[at:]}
        if _AUTHOR.fullmatch(bare):
            end = _end_of_author(lines, at)
            found |= {later: f"after {bare!r}" for later, _ in lines[at:end]}
    return found


def _end_of_author(lines: Lines, at: int) -> int:
    """Find where a box about the author ends: at a question or a list of posts, or with the page."""
    for end in range(at + 2, len(lines)):
        text = lines[end][1]
        asks = text.endswith("?") and len(text) <= _MAX
        if _TAIL.fullmatch(text) or (asks and end + 1 < len(lines) and is_prose(lines[end + 1][1])):
            return end
    return len(lines)


def _repeated_title(lines: Lines, title: int, below: int) -> dict[int, str]:
    """Find the title, or how it begins, right under itself or below the last paragraph."""
    at = next((at for at, (number, _) in enumerate(lines) if number == title), 0)
    full = lines[at][1].casefold() if lines else ""
    return {
        number: "the title again"
        for here, (number, text) in enumerate(lines)
        if (here == at + 1 and text.casefold() == full)
        or (here > max(at, below) and len(text) >= _MIN_REPEATED and full.startswith(text.casefold()))
    }


def _captions(lines: Lines, found: dict[int, str]) -> dict[int, str]:
    # Only beside other furniture: "The bigger picture" may well be a heading.
    captions = {}
    for at, (number, text) in enumerate(lines):
        beside = {lines[n][0] for n in (at - 1, at + 1) if 0 <= n < len(lines)}
        if number not in found and beside & found.keys() and _CAPTION.fullmatch(text):
            captions[number] = "a caption"
    return captions
