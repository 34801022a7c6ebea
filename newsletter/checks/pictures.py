"""The pictures of an issue: named, of a size and a kind that every client shows, and not all there is."""

import io
import re
from posixpath import splitext
from urllib.parse import urlsplit

import imagesize
from selectolax.lexbor import LexborNode

from newsletter.checks.page import Page, Seen, Sightings, above
from newsletter.checks.rules import Rule, error, info, warning

WIDEST = 600
HEAVY, TOO_HEAVY, ALL_HEAVY = 200_000, 1_000_000, 800_000
LONG_ALT, WORDY_ALT = 150, 80
CANIEMAIL = "www.caniemail.com"

ALT_MISSING = error(
    "image-without-alt",
    "IMG-1",
    "a picture has no `alt`",
    "screen readers then read the file's name, and without images nothing is there",
    'describe it, or write alt="" where it only decorates',
    "WCAG 2.2 SC 1.1.1; axe image-alt",
)
LINK_UNNAMED = error(
    "image-link-without-alt",
    "IMG-2",
    "a picture is all that a link holds, and its alt is empty",
    "the picture is all there is of the link, so its alt is the link's name",
    "say where the link leads",
    "WCAG 2.2 SC 2.4.4; axe link-name",
)
ALT_EMPTY_WORDS = warning(
    "alt-says-nothing",
    "IMG-3",
    'the alt is a file\'s name, "image" or "photo of", or has more than 150 characters',
    "it is read aloud in place of the picture",
    "say in a sentence what there is to see",
    "WCAG 2.2 SC 1.1.1",
)
SIZE_MISSING = warning(
    "image-without-width",
    "IMG-4",
    "`width` is missing or no whole number",
    "Outlook ignores the width of a style and takes the attribute",
    'write width="536" or the like',
    CANIEMAIL,
)
TOO_WIDE = error(
    "image-too-wide",
    "IMG-4",
    "`width` is over 600",
    "Outlook makes the whole mail as wide",
    "write 600 or less",
)
BLURRED = info(
    "image-of-odd-resolution",
    "IMG-4",
    "the picture has fewer than 1.5 or more than 3 times the pixels of its `width`",
    "it is blurred on a good screen, or heavier than anybody sees",
    "save it twice as wide as it is shown",
)
NOT_SECURE = error(
    "image-not-secure",
    "IMG-5",
    "the address of a picture, other than our own of `content/images/`, is not https",
    "Gmail shows no embedded picture, and clients block what is not secure",
    "serve it by https",
    CANIEMAIL,
)
UNSUPPORTED = error(
    "image-format-unsupported",
    "IMG-6",
    "a picture is SVG or AVIF",
    "Gmail shows no SVG, and Outlook on Windows neither",
    "save it as PNG or JPEG",
    CANIEMAIL,
)
WEBP = warning(
    "image-is-webp",
    "IMG-6",
    "a picture is WebP",
    "Outlook on Windows does not show it",
    "save it as PNG or JPEG",
    CANIEMAIL,
)
PICTURE_HEAVY = warning(
    "image-heavy",
    "IMG-7",
    "a picture weighs over 200 kB",
    "it is slow on a phone, and costs who reads it",
    "save it smaller",
)
PICTURE_TOO_HEAVY = error(
    "image-too-heavy",
    "IMG-7",
    "a picture weighs over 1 MB",
    "many will never see it load",
    "save it smaller",
)
ALL_TOO_HEAVY = warning(
    "images-heavy-together",
    "IMG-7",
    "the pictures of an issue weigh over 800 kB together",
    "the mail is slow on a phone",
    "leave some out, or save them smaller",
)
ALONE = error(
    "images-almost-alone",
    "IMG-8",
    "there are pictures, and fewer than 400 characters of text",
    "filters take it for a poster, and without images nothing is left",
    "write more, or leave pictures out",
    "SpamAssassin HTML_IMAGE_ONLY_04",
)
LITTLE_TEXT = warning(
    "images-outweigh-text",
    "IMG-8",
    "there are pictures, and fewer than 1,200 characters of text",
    "filters count pictures against words",
    "write more, or leave pictures out",
    "SpamAssassin HTML_IMAGE_ONLY_12",
)
SOME_TEXT = info(
    "images-beside-little-text",
    "IMG-8",
    "there are pictures, and fewer than 2,400 characters of text",
    "filters count pictures against words",
    "leave it, if the rest of the mail is plain",
    "SpamAssassin HTML_IMAGE_ONLY_24",
)
WORDS_INSIDE = info(
    "image-may-hold-text",
    "IMG-10",
    "the alt has more than 80 characters, and the picture is wider than 240",
    "words in a picture cannot be enlarged, searched or shown without images",
    "write them as text, if there are any",
    "WCAG 2.2 SC 1.4.5",
)

_EMPTY_ALT = re.compile(
    r"\s*(?:[\w .-]+\.(?:png|jpe?g|gif|webp|svg)|graphic|(?:image|picture|photo)(?: of\b.*)?)\s*",
    re.IGNORECASE,
)
_TEXT_STEPS = ((400, ALONE), (1_200, LITTLE_TEXT), (2_400, SOME_TEXT))


def check_pictures(page: Page) -> Sightings:
    """Check every picture of the HTML, and what all of them weigh."""
    images = page.tree.css("img")
    sizes = {media.name: _pixels(media.data) for media in page.media}
    for image in images:
        yield from _check_alt(image)
        yield from _check_width(image, sizes)
        yield from _check_source(page, image)
    yield from _check_weights(page)
    if images:
        size = len(page.visible)
        for least, rule in _TEXT_STEPS:
            if size < least:
                yield Seen(rule, f"{len(images)} pictures stand beside {size:,} characters of text")
                return


def _check_alt(image: LexborNode) -> Sightings:
    source, alt = _source(image), image.attributes.get("alt") or ""
    if "alt" not in image.attributes:
        yield Seen(ALT_MISSING, f"the picture {source or 'without an address'} has no alternative text")
    elif not alt.strip() and _is_whole_link(image):
        yield Seen(LINK_UNNAMED, f"the link around the picture {source} has no name", about=source)
    elif _EMPTY_ALT.fullmatch(alt) or len(alt) > LONG_ALT:
        yield Seen(ALT_EMPTY_WORDS, f"the alt is {alt[:60]!r}", about=source)
    elif len(alt) > WORDY_ALT and _width(image) > WIDEST * 2 // 5:
        yield Seen(WORDS_INSIDE, f"the alt has {len(alt)} characters", about=source)


def _check_width(image: LexborNode, sizes: dict[str, int]) -> Sightings:
    source, width = _source(image), _width(image)
    if not width:
        yield Seen(SIZE_MISSING, f"the picture {source} has no width", about=source)
    elif width > WIDEST:
        yield Seen(TOO_WIDE, f"the picture {source} is {width} wide", about=source)
    pixels = sizes.get(source.rpartition("/")[2], 0)
    if width and pixels and not 1.5 * width <= pixels <= 3 * width:
        yield Seen(BLURRED, f"{pixels} pixels are shown {width} wide", about=source)


def _check_source(page: Page, image: LexborNode) -> Sightings:
    source = _source(image)
    # Where our own pictures are served is a setting, and a rehearsal serves them from this machine.
    is_ours = source.startswith(f"{page.publication.public_url.rstrip('/')}/media/")
    if not source.startswith("https:") and not is_ours:
        yield Seen(NOT_SECURE, f"a picture comes from {source[:60]!r}", about=source)
    ending = splitext(urlsplit(source).path)[1].lower()
    if ending in (".svg", ".avif"):
        yield Seen(UNSUPPORTED, f"the picture {source} is {ending[1:].upper()}", about=source)
    elif ending == ".webp":
        yield Seen(WEBP, f"the picture {source} is WebP", about=source)


def _check_weights(page: Page) -> Sightings:
    total = 0
    for media in page.media:
        size = len(media.data)
        total += size
        rule: Rule | None = PICTURE_TOO_HEAVY if size > TOO_HEAVY else PICTURE_HEAVY if size > HEAVY else None
        if rule is not None:
            yield Seen(rule, f"a picture weighs {size // 1000:,} kB", about=media.name)
    if total > ALL_HEAVY and all(len(media.data) <= HEAVY for media in page.media):
        yield Seen(ALL_TOO_HEAVY, f"the pictures weigh {total // 1000:,} kB together")


def _source(image: LexborNode) -> str:
    return image.attributes.get("src") or ""


def _width(image: LexborNode) -> int:
    written = image.attributes.get("width") or ""
    return int(written) if written.isdecimal() else 0


def _pixels(data: bytes) -> int:
    return max(0, int(imagesize.get(io.BytesIO(data))[0]))


def _is_whole_link(image: LexborNode) -> bool:
    link = next((node for node in above(image) if node.tag == "a"), None)
    if link is None or link.text().strip():
        return False
    return not any((other.attributes.get("alt") or "").strip() for other in link.css("img"))
