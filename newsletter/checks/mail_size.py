"""How much a message weighs, and that nothing is attached to it."""

from newsletter.checks.mail import Broken, Part
from newsletter.checks.rules import error, warning

MAX_MESSAGE, MAX_ENCODED_HTML = 500_000, 102_400
MAX_HEADERS, MAX_HEADER = 16_000, 8_000

HEADERS_LARGE = warning(
    "headers-large",
    "HDR-11",
    "the headers have more than 16 kB, or one of them more than 8 kB",
    "Gmail and Yahoo refuse headers that are too big, and do not say how big",
    "shorten it",
)
HTML_ENCODED_LARGE = warning(
    "encoded-html-large",
    "SIZE-2",
    "the HTML part has more than 102,400 bytes as it is sent",
    "Gmail may clip it",
    "split the issue",
    "github.com/hteumeuleu/email-bugs/issues/41",
)
MESSAGE_LARGE = warning(
    "message-large",
    "SIZE-5",
    "the whole message has more than 500 kB",
    "it is slow to send, and to fetch on a phone",
    "split the issue",
)
ATTACHED = error(
    "attachment",
    "SIZE-5",
    "a file is attached",
    "filters mistrust it in a mail to many",
    "put it on the web, and link to it",
)


def check_size(mail: Part) -> Broken:
    """Check what a message and its parts weigh."""
    sizes = [len(header.raw) for header in mail.headers]
    if sum(sizes) > MAX_HEADERS or max(sizes, default=0) > MAX_HEADER:
        yield HEADERS_LARGE, 1, f"the headers have {sum(sizes):,} bytes"
    for part in mail.walk():
        is_attached = part.value("Content-Disposition").lower().startswith("attachment")
        if is_attached or (not part.parts and not part.kind.startswith(("text/", "multipart/", "image/"))):
            yield ATTACHED, part.line, f"a part is {part.kind}"
        if part.kind == "text/html" and len(part.body) > MAX_ENCODED_HTML:
            yield HTML_ENCODED_LARGE, part.line, f"the HTML part has {len(part.body):,} bytes"
    if (size := sum(sizes) + len(mail.body)) > MAX_MESSAGE:
        yield MESSAGE_LARGE, 1, f"the message has {size:,} bytes"
