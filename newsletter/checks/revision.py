"""What a rendered issue must have: both parts, a way out, an address, and nothing that clients break."""

from collections.abc import Callable, Sequence

from newsletter.checks.colours import check_colours
from newsletter.checks.inbox import check_inbox
from newsletter.checks.links import check_links
from newsletter.checks.outlook import check_outlook
from newsletter.checks.page import Page, Seen, Sightings, folded
from newsletter.checks.pictures import check_pictures
from newsletter.checks.placing import place_of
from newsletter.checks.reading import check_reading
from newsletter.checks.rules import error, warning
from newsletter.checks.styles import check_styles
from newsletter.checks.text_part import check_text_part
from newsletter.checks.wording import check_wording
from newsletter.domain.blocks import Block
from newsletter.domain.finding import Finding
from newsletter.domain.letter import Publication
from newsletter.domain.pieces import Field, fence
from newsletter.domain.revision import Media, Revision
from newsletter.errors import Place

#: Gmail clips a mail at about 100,000 bytes of HTML (github.com/hteumeuleu/email-bugs/issues/41).
MAX_HTML, LATE_WAY_OUT, LARGE_HTML = 100_000, 95_000, 80_000
CLIPPING = "github.com/hteumeuleu/email-bugs/issues/41"

UNSUBSCRIBE_MISSING = error(
    "unsubscribe-link-missing",
    "UNS-4",
    "the HTML or the text part has no link to unsubscribe",
    "everyone must be able to leave with one click; law and providers ask for it",
    "put {{ fields.unsubscribe_url }} back into the layout of this part",
    "support.google.com/mail/answer/81126; senders.yahooinc.com",
)
ADDRESS_MISSING = error(
    "postal-address-missing",
    "LEG-1",
    "the letter, the HTML or the text part has no postal address",
    "the law of many countries asks for the sender's postal address in every mail",
    "put {{ publication.postal_address }} back into the layout of this part",
    "15 U.S.C. §7704(a)(5) (CAN-SPAM)",
)
HTML_CLIPPED = error(
    "html-too-large",
    "SIZE-1",
    "the HTML has more than 100,000 bytes",
    "Gmail cuts a mail at about 100,000 bytes, and the unsubscribe link with it",
    "split the issue",
    CLIPPING,
)
WAY_OUT_CLIPPED = error(
    "unsubscribe-link-too-late",
    "SIZE-1",
    "the unsubscribe link begins after 95,000 bytes of HTML",
    "Gmail cuts a mail at about 100,000 bytes, and the link may be among what is cut",
    "split the issue",
    CLIPPING,
)
HTML_LARGE = warning(
    "html-large",
    "SIZE-1",
    "the HTML has more than 80,000 bytes",
    "Gmail cuts a mail at about 100,000 bytes",
    "consider splitting the issue",
    CLIPPING,
)

# A tokenised address that a provider's host makes longer than ours is still shorter than this.
_URL_BYTES = 160


def check_revision(
    revision: Revision,
    publication: Publication,
    *,
    target: str,
    place: Place,
    blocks: Sequence[Block] = (),
    media: tuple[Media, ...] = (),
    vocabularies: Sequence[str] = (),
) -> list[Finding]:
    """Check a rendered issue; `place` is that of the issue in its series file.

    A finding about something that one of `blocks` says is placed there.
    """
    page = Page(revision, publication, media)
    seen = [one for check in _CHECKS for one in check(page)]
    seen += check_wording(page, vocabularies)
    return [
        one.rule.found(
            place_of(one.about, blocks, place), one.what, target=target, mend=one.mend, about=one.about
        )
        for one in seen
    ]


def _check_ways_out(page: Page) -> Sightings:
    way_out = fence(Field("unsubscribe_url"))
    if f'href="{way_out}"' not in page.html:
        yield Seen(UNSUBSCRIBE_MISSING, "the HTML has no link to unsubscribe")
    if way_out not in page.text:
        yield Seen(UNSUBSCRIBE_MISSING, "the text part has no address to unsubscribe")


def _check_address(page: Page) -> Sightings:
    address = folded(page.publication.postal_address)
    if not address:
        mend = "set postal_address in newsletter.toml"
        yield Seen(ADDRESS_MISSING, "the letter has no postal address", mend)
        return
    body = page.tree.body
    if body is None or address not in folded(body.text(separator=" ")):
        yield Seen(ADDRESS_MISSING, "the HTML lacks the postal address")
    if address not in folded(page.text):
        yield Seen(ADDRESS_MISSING, "the text part lacks the postal address")


def _check_size(page: Page) -> Sightings:
    size = way_out = 0
    for piece in page.revision.html:
        if isinstance(piece, Field):
            way_out = size if piece.name == "unsubscribe_url" else way_out
            size += _URL_BYTES
        else:
            size += len(piece.encode())
    if size > MAX_HTML:
        yield Seen(HTML_CLIPPED, f"the HTML has {size:,} bytes")
    elif way_out > LATE_WAY_OUT:
        yield Seen(WAY_OUT_CLIPPED, f"the unsubscribe link comes after {way_out:,} bytes")
    elif size > LARGE_HTML:
        yield Seen(HTML_LARGE, f"the HTML has {size:,} bytes")


_CHECKS: tuple[Callable[[Page], Sightings], ...] = (
    check_inbox,
    _check_ways_out,
    _check_address,
    check_text_part,
    check_pictures,
    check_links,
    check_reading,
    check_colours,
    check_styles,
    check_outlook,
    _check_size,
)
