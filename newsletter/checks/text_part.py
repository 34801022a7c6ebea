"""The text part: it says what the HTML says, in lines that every reader shows."""

import re
from collections import Counter

from newsletter.checks.mail_body import MIN_TEXT, TEXT_MISSING
from newsletter.checks.page import Page, Seen, Sightings
from newsletter.checks.rules import error, warning

ALIKE, RELATED = 0.75, 0.5
LONG_LINE = 78

DIFFERS = warning(
    "text-part-differs",
    "TXT-1",
    "fewer than 75 in 100 words of one part are in the other",
    "whoever reads the text part misses something",
    "check the text twins of the templates",
    "SpamAssassin MPART_ALT_DIFF",
)
UNRELATED = error(
    "text-part-unrelated",
    "TXT-1",
    "fewer than 50 in 100 words of one part are in the other",
    "whoever reads the text part reads something else, and filters take it for spam",
    "check the text twins of the templates",
    "SpamAssassin MPART_ALT_DIFF",
)
LINE_LONG = warning(
    "text-line-long",
    "TXT-2",
    "a line of the text part has more than 78 characters and could be broken",
    "a terminal or a narrow window breaks it in odd places",
    "wrap it at a space",
    "RFC 5322 §2.1.1",
)
MARKUP = error(
    "text-has-markup",
    "TXT-2",
    "a tag or an entity of HTML is left in the text part",
    "it is read as it stands",
    "check the text twins of the templates",
)

_URL = re.compile(r"(?:https?://|mailto:)\S+|\S+@\S+")
_WORD = re.compile(r"[^\W_]{3,}")
_MARKUP = re.compile(
    r"</?(?:p|div|br|hr|td|tr|th|table|span|a|b|i|strong|em|h[1-6]|img|li|ul|ol|blockquote)\b[^<>\n]*>"
    r"|&(?:nbsp|amp|lt|gt|quot|apos|mdash|ndash|hellip|#\d+|#x[0-9a-fA-F]+);"
)


def check_text_part(page: Page) -> Sightings:
    """Check the text part by itself and against the HTML."""
    text = page.plain_text
    if len("".join(page.text.split())) < MIN_TEXT:
        yield Seen(TEXT_MISSING, "the text part is missing or all but empty")
        return
    for line in text.splitlines():
        if len(line) > LONG_LINE and " " in _URL.sub("", line).strip():
            yield Seen(LINE_LONG, f"a line of the text part has {len(line)} characters")
            break
    for written in dict.fromkeys(match.group() for match in _MARKUP.finditer(text)):
        if written not in page.visible:
            yield Seen(MARKUP, f"the text part says {written[:40]!r}")
    shown, read = _words(page.visible), _words(text)
    share = min(_coverage(shown, read), _coverage(read, shown))
    if share < ALIKE:
        yield Seen(UNRELATED if share < RELATED else DIFFERS, f"{share:.0%} of the words are in both parts")


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(_URL.sub(" ", text).casefold()))


def _coverage(words: Counter[str], other: Counter[str]) -> float:
    total = words.total()
    return (words & other).total() / total if total else 1.0
