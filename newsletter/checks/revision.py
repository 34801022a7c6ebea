"""What a rendered issue must have: both parts, a way out, a postal address, and nothing left to fill in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from newsletter.checks.rules import Rule, error, warning
from newsletter.checks.structure import PREHEADER_MISSING, SUBJECT_MISSING
from newsletter.domain.finding import Finding
from newsletter.domain.letter import Publication
from newsletter.domain.pieces import Field, Pieces, fence
from newsletter.domain.revision import Revision
from newsletter.errors import Place

#: Gmail clips a mail at about 100,000 bytes of HTML (github.com/hteumeuleu/email-bugs/issues/41).
MAX_HTML, LARGE_HTML = 100_000, 80_000
MAX_SUBJECT, LONG_SUBJECT = 150, 60
SHORT_PREHEADER, LONG_PREHEADER = 40, 150
#: A text part with fewer characters than this, spaces apart, is none.
MIN_TEXT = 40

PLACEHOLDER = error(
    "placeholder-unresolved",
    "SUB-5",
    "subscribers would read it as it stands",
    "write the text, or a field that exists, such as {{ name }}",
)
SUBJECT_CUT = error(
    "subject-too-long",
    "SUB-1",
    "no inbox shows so much, and filters count it",
    "write 60 characters or fewer",
)
SUBJECT_LONG = warning(
    "subject-too-long", "SUB-2", "many inboxes cut it off", "say what matters in 60 characters"
)
PREHEADER_SHORT = warning(
    "preheader-too-short", "PRE-1", "an inbox fills the room with other words", "write 40 to 100 characters"
)
PREHEADER_LONG = warning("preheader-too-long", "PRE-1", "inboxes cut it off", "write 40 to 100 characters")
PREHEADER_ECHOES = warning(
    "preheader-repeats-subject", "PRE-1", "both stand side by side in an inbox", "say something else"
)
UNSUBSCRIBE_MISSING = error(
    "unsubscribe-link-missing",
    "UNS-4",
    "everyone must be able to leave with one click; law and providers ask for it",
    "put {{ fields.unsubscribe_url }} back into the layout of this part",
)
ADDRESS_MISSING = error(
    "postal-address-missing",
    "LEG-1",
    "the law of many countries asks for the sender's postal address in every mail",
    "put {{ publication.postal_address }} back into the layout of this part",
)
TEXT_MISSING = error(
    "text-part-missing",
    "MIME-2",
    "some people read the text part, and filters mistrust a mail without one",
    "check templates/email/layout.txt.j2",
)
ALT_MISSING = error(
    "image-without-alt",
    "IMG-1",
    "screen readers then read the file's name, and without images nothing is there",
    'describe it, or write alt="" where it only decorates',
)
LINK_UNNAMED = error(
    "image-link-without-alt",
    "IMG-2",
    "the picture is all there is of the link, so its alt is the link's name",
    "say where the link leads",
)
HTML_CLIPPED = error(
    "html-too-large",
    "SIZE-1",
    "Gmail cuts a mail at about 100,000 bytes, and the unsubscribe link with it",
    "split the issue",
)
HTML_LARGE = warning(
    "html-large", "SIZE-1", "Gmail cuts a mail at about 100,000 bytes", "consider splitting the issue"
)

_PLACEHOLDERS = re.compile(
    r"\{\{.*?\}\}|\{%.*?%\}|%7B%7B|\*\|[^|\n]{1,60}\|\*|%recipient\.\w*%?|%%\w+%%"
    r"|\bTODO\b|\bTBD\b|(?i:lorem ipsum)|\[(?i:(?:first |last |your )?name)\]",
    re.DOTALL,
)
_UNSEEN = re.compile(r"<style\b.*?</style>|<!--.*?-->", re.DOTALL)
# A tokenised address that a provider's host makes longer than ours is still shorter than this.
_URL_BYTES = 160


def check_revision(
    revision: Revision, publication: Publication, *, target: str, place: Place
) -> list[Finding]:
    """Check a rendered issue; `place` is that of the issue in its series file."""
    html, text = _fenced(revision.html), _fenced(revision.text)
    parts = _Parts(html, text, LexborHTMLParser(html))
    findings = [
        *_check_subject(revision),
        *_check_preheader(revision),
        *_check_placeholders(revision, parts),
        *_check_ways_out(parts),
        *_check_address(parts, publication),
        *_check_text(parts),
        *_check_images(parts),
        *_check_size(revision),
    ]
    return [rule.found(place, what, target=target, mend=mend) for rule, what, mend in findings]


@dataclass(frozen=True)
class _Parts:
    html: str
    text: str
    tree: LexborHTMLParser


# A rule, what was found, and a mend where the rule's own says too little.
_Found = Iterator[tuple[Rule, str, str]]


def _check_subject(revision: Revision) -> _Found:
    subject = revision.subject_line
    if not subject.strip():
        yield SUBJECT_MISSING, "the issue has no subject", ""
    elif len(subject) > LONG_SUBJECT:
        rule = SUBJECT_CUT if len(subject) > MAX_SUBJECT else SUBJECT_LONG
        yield rule, f"the subject has {len(subject)} characters", ""


def _check_preheader(revision: Revision) -> _Found:
    preheader = revision.preheader.strip()
    if not preheader:
        yield PREHEADER_MISSING, "the issue has no preheader", ""
        return
    if preheader.casefold() == revision.subject_line.strip().casefold():
        yield PREHEADER_ECHOES, "the preheader says the same as the subject", ""
    if len(preheader) < SHORT_PREHEADER:
        yield PREHEADER_SHORT, f"the preheader has {len(preheader)} characters", ""
    elif len(preheader) > LONG_PREHEADER:
        yield PREHEADER_LONG, f"the preheader has {len(preheader)} characters", ""


def _check_placeholders(revision: Revision, parts: _Parts) -> _Found:
    places = {
        "subject": revision.subject_line,
        "preheader": revision.preheader,
        "HTML": _UNSEEN.sub("", parts.html),
        "text part": parts.text,
    }
    for name, text in places.items():
        for written in dict.fromkeys(match.group() for match in _PLACEHOLDERS.finditer(text)):
            yield PLACEHOLDER, f"the {name} still says {written[:60]!r}", ""


def _check_ways_out(parts: _Parts) -> _Found:
    way_out = fence(Field("unsubscribe_url"))
    if f'href="{way_out}"' not in parts.html:
        yield UNSUBSCRIBE_MISSING, "the HTML has no link to unsubscribe", ""
    if way_out not in parts.text:
        yield UNSUBSCRIBE_MISSING, "the text part has no address to unsubscribe", ""


def _check_address(parts: _Parts, publication: Publication) -> _Found:
    address = _folded(publication.postal_address)
    if not address:
        yield ADDRESS_MISSING, "the letter has no postal address", "set postal_address in newsletter.toml"
        return
    body = parts.tree.body
    if body is None or address not in _folded(body.text(separator=" ")):
        yield ADDRESS_MISSING, "the HTML lacks the postal address", ""
    if address not in _folded(parts.text):
        yield ADDRESS_MISSING, "the text part lacks the postal address", ""


def _check_text(parts: _Parts) -> _Found:
    if len("".join(parts.text.split())) < MIN_TEXT:
        yield TEXT_MISSING, "the text part is missing or all but empty", ""


def _check_images(parts: _Parts) -> _Found:
    for image in parts.tree.css("img"):
        source = image.attributes.get("src") or "without an address"
        if "alt" not in image.attributes:
            yield ALT_MISSING, f"the picture {source} has no alternative text", ""
        elif not (image.attributes["alt"] or "").strip() and _is_whole_link(image):
            yield LINK_UNNAMED, f"the link around the picture {source} has no name", ""


def _check_size(revision: Revision) -> _Found:
    fields = sum(isinstance(piece, Field) for piece in revision.html)
    size = sum(len(piece.encode()) for piece in revision.html if isinstance(piece, str)) + fields * _URL_BYTES
    if size > MAX_HTML:
        yield HTML_CLIPPED, f"the HTML has {size:,} bytes", ""
    elif size > LARGE_HTML:
        yield HTML_LARGE, f"the HTML has {size:,} bytes", ""


def _is_whole_link(image: LexborNode) -> bool:
    above = image.parent
    while above is not None and above.tag != "a":
        above = above.parent
    if above is None or above.text().strip():
        return False
    return not any((other.attributes.get("alt") or "").strip() for other in above.css("img"))


def _fenced(pieces: Pieces) -> str:
    return "".join(fence(piece) if isinstance(piece, Field) else piece for piece in pieces)


def _folded(text: str) -> str:
    return " ".join(text.split())
