"""What an inbox shows of an issue before it is opened, and that nothing was left to fill in."""

import re

from newsletter.checks.page import Page, Seen, Sightings, declared, folded, is_hidden
from newsletter.checks.rules import error, info, warning
from newsletter.checks.structure import PREHEADER_MISSING, SUBJECT_MISSING

MAX_SUBJECT, LONG_SUBJECT = 150, 60
SHORT_PREHEADER, LONG_PREHEADER = 40, 150
#: The Gmail app on Android shows so much of a subject.
SUBJECT_START = 33
MAX_HIDDEN, MAX_FILLER = 50, 300

PLACEHOLDER = error(
    "placeholder-unresolved",
    "SUB-5",
    "`{{ }}`, `{% %}`, `*|NAME|*`, `%recipient.`, `TODO`, `lorem ipsum`, `[Name]` or `Hello None` is left",
    "subscribers would read it as it stands",
    "write the text, or a field that exists, such as {{ name }}",
)
SUBJECT_CUT = error(
    "subject-far-too-long",
    "SUB-1",
    "the subject has more than 150 characters",
    "no inbox shows so much, and filters count it",
    "write 60 characters or fewer",
)
SUBJECT_LONG = warning(
    "subject-too-long",
    "SUB-2",
    "the subject has more than 60 characters",
    "many inboxes cut it off",
    "say what matters in 60 characters",
)
SUBJECT_ELSEWHERE = info(
    "subject-begins-elsewhere",
    "SUB-3",
    "no word of four letters in the subject's first 33 characters is in the title of the mail",
    "a phone shows no more, and whoever opens it should find what was announced",
    "begin with what the mail is about",
    "www.emailtooltester.com (lengths that inboxes show)",
)
SUBJECT_SHOUTS = warning(
    "subject-shouts",
    "SUB-4",
    "the subject is in capitals, or has `!!`, `$$`, `FREE`, `100%` or more than one emoji",
    "it reads like spam, to people and to filters",
    "say it calmly",
    "SpamAssassin SUBJ_ALL_CAPS; support.google.com/mail/answer/81126",
)
PREHEADER_SHORT = warning(
    "preheader-too-short",
    "PRE-1",
    "the preheader has fewer than 40 characters",
    "an inbox fills the room with other words",
    "write 40 to 100 characters",
)
PREHEADER_LONG = warning(
    "preheader-too-long",
    "PRE-1",
    "the preheader has more than 150 characters",
    "inboxes cut it off",
    "write 40 to 100 characters",
)
PREHEADER_ECHOES = warning(
    "preheader-repeats-subject",
    "PRE-1",
    "the preheader is the subject",
    "both stand side by side in an inbox",
    "say something else",
)
PREHEADER_EMPTY_WORDS = warning(
    "preheader-says-view-in-browser",
    "PRE-1",
    'the preheader begins with "View in browser" or the like',
    "it takes the place of a reason to open the mail",
    "say what the issue brings",
)
PREHEADER_LATE = error(
    "preheader-not-first",
    "PRE-2",
    "the preheader is not the first text of the body",
    "an inbox shows the first words that it finds",
    "put the preheader back to the top of the layout",
)
TEXT_HIDDEN = warning(
    "text-hidden",
    "PRE-3",
    "more than 50 characters beside the preheader are hidden, or more than 300 of filler stand there",
    "Gmail takes hidden text for deception",
    "show it, or leave it out",
    "support.google.com/mail/answer/81126",
)
TITLE_MISSING = error(
    "title-missing",
    "TTL-1",
    "the HTML has no title",
    "a screen reader says it first, and a browser shows it in its tab",
    "put <mj-title> back into the layout",
    "WCAG 2.2 SC 2.4.2; axe document-title",
)
TITLE_DIFFERS = warning(
    "title-differs",
    "TTL-1",
    "the HTML's title is not the subject",
    "filters compare the two",
    "put {{ issue.subject }} into <mj-title>",
    "SpamAssassin HTML_TITLE_SUBJ_DIFF",
)

_PLACEHOLDERS = re.compile(
    r"\{\{.*?\}\}|\{%.*?%\}|%7B%7B|\*\|[^|\n]{1,60}\|\*|%recipient\.\w*%?|%%\w+%%"
    r"|\bTODO\b|\bTBD\b|(?i:lorem ipsum)|\[(?i:(?:first |last |your )?name)\]"
    r"|\b(?:Hello|Hi|Dear) (?:None|NaN|nan|null|undefined)\b",
    re.DOTALL,
)
_UNSEEN = re.compile(r"<style\b.*?</style>|<!--.*?-->", re.DOTALL)
_SHOUTS = re.compile(r"!!|\$\$|\bFREE\b|\b100 ?%")
_EMOJI = re.compile("[\u2600-\u27bf\U0001f1e6-\U0001faff]")
_VIEW = re.compile(r"\s*(?:view|read|open)\b.{0,20}\b(?:browser|online)\b", re.IGNORECASE)
_FILLER = re.compile("[\u00a0\u034f\u00ad\u200b-\u200f\u2007\u2060\ufeff]")
_TINY = re.compile(r"(?:0|1px|0px)")


def check_inbox(page: Page) -> Sightings:
    """Check what stands in an inbox, and that nothing was left to fill in."""
    yield from _check_subject(page)
    yield from _check_preheader(page)
    yield from _check_placeholders(page)
    yield from _check_title(page)
    yield from _check_hidden(page)


def _check_subject(page: Page) -> Sightings:
    subject = page.revision.subject_line
    if not subject.strip():
        yield Seen(SUBJECT_MISSING, "the issue has no subject")
        return
    if len(subject) > LONG_SUBJECT:
        rule = SUBJECT_CUT if len(subject) > MAX_SUBJECT else SUBJECT_LONG
        yield Seen(rule, f"the subject has {len(subject)} characters")
    letters = [char for char in subject if char.isalpha()]
    is_loud = len(letters) > 10 and subject == subject.upper() != subject.lower()
    if is_loud or _SHOUTS.search(subject) or len(_EMOJI.findall(subject)) > 1:
        yield Seen(SUBJECT_SHOUTS, f"the subject is {subject!r}")
    heading = page.tree.css_first("h1")
    words = re.findall(r"\w{4,}", subject[:SUBJECT_START].casefold())
    if heading is not None and words and not any(word in heading.text().casefold() for word in words):
        yield Seen(SUBJECT_ELSEWHERE, f"{subject[:SUBJECT_START]!r} has no word of {heading.text()!r}")


def _check_preheader(page: Page) -> Sightings:
    preheader = page.revision.preheader.strip()
    if not preheader:
        yield Seen(PREHEADER_MISSING, "the issue has no preheader")
        return
    if preheader.casefold() == page.revision.subject_line.strip().casefold():
        yield Seen(PREHEADER_ECHOES, "the preheader says the same as the subject")
    if _VIEW.match(preheader):
        yield Seen(PREHEADER_EMPTY_WORDS, f"the preheader is {preheader!r}")
    if len(preheader) < SHORT_PREHEADER:
        yield Seen(PREHEADER_SHORT, f"the preheader has {len(preheader)} characters")
    elif len(preheader) > LONG_PREHEADER:
        yield Seen(PREHEADER_LONG, f"the preheader has {len(preheader)} characters")
    body = folded(page.tree.body.text(separator=" ")) if page.tree.body else ""
    if not body.startswith(folded(preheader)):
        yield Seen(PREHEADER_LATE, f"the body begins with {body[:40]!r}")


def _check_placeholders(page: Page) -> Sightings:
    places = {
        "subject": page.revision.subject_line,
        "preheader": page.revision.preheader,
        "HTML": _UNSEEN.sub("", page.html),
        "text part": page.text,
    }
    for name, text in places.items():
        for written in dict.fromkeys(match.group() for match in _PLACEHOLDERS.finditer(text)):
            yield Seen(PLACEHOLDER, f"the {name} still says {written[:60]!r}", about=written)


def _check_title(page: Page) -> Sightings:
    node = page.tree.css_first("head title")
    title, subject = folded(node.text()) if node is not None else "", folded(page.revision.subject_line)
    # Without a subject there is nothing that could stand there.
    if not title and subject:
        yield Seen(TITLE_MISSING, "the HTML has no title")
    elif subject and title != subject:
        yield Seen(TITLE_DIFFERS, f"the title is {title!r}")


def _check_hidden(page: Page) -> Sightings:
    preheader = folded(page.revision.preheader)
    for node in page.tree.css("body [style]"):
        size, opacity = declared(node, "font-size"), declared(node, "opacity")
        is_unseen = is_hidden(node) or opacity == "0" or (size and _TINY.fullmatch(size))
        if not is_unseen:
            continue
        own = node.text() if is_hidden(node) or opacity == "0" else node.text(deep=False)
        filler = len(_FILLER.findall(own))
        hidden = folded(_FILLER.sub("", own))
        if hidden == preheader:
            hidden = ""
        if len(hidden) > MAX_HIDDEN or filler > MAX_FILLER:
            yield Seen(TEXT_HIDDEN, f"{hidden[:40] or f'{filler} characters of filler'!r} cannot be seen")
            return
