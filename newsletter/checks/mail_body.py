"""The body of a built message: both parts in order, and no byte that a server on the way may change."""

import re
from collections.abc import Callable

from newsletter.checks.mail import Broken, Part
from newsletter.checks.rules import error, info, warning

MAX_LINE, MAX_ENCODED_LINE, LONG_HEADER_LINE, MAX_BOUNDARY = 998, 76, 78, 70
MIN_TEXT = 40

NOT_ALTERNATIVE = error(
    "parts-not-alternative",
    "MIME-1",
    "the message is not multipart/alternative of text/plain, then text/html",
    "a mail reader shows the last part that it can (RFC 2046 §5.1.4)",
    "build multipart/alternative of text/plain, then text/html",
    "RFC 2046 §5.1.4",
)
TEXT_MISSING = error(
    "text-part-missing",
    "MIME-2",
    "the text part is missing or has fewer than 40 characters, spaces apart",
    "some people read it, and filters mistrust a mail without one",
    "add it",
    "RFC 2046 §5.1.4; SpamAssassin MIME_HTML_ONLY",
)
LINE_TOO_LONG = error(
    "line-too-long",
    "MIME-3",
    "a line has more than 998 octets",
    "a server may cut or refuse it (RFC 5322 §2.1.1)",
    "encode it quoted-printable",
    "RFC 5322 §2.1.1",
)
ENCODED_TOO_LONG = error(
    "encoded-line-too-long",
    "MIME-4",
    "a line in quoted-printable or base64 has more than 76 characters",
    "an encoded line has 76 characters at most (RFC 2045 §6.7)",
    "break it",
    "RFC 2045 §6.7, §6.8",
)
HEADER_LINE_LONG = info(
    "header-line-long",
    "MIME-4",
    "a header line that can be folded has more than 78 characters",
    "a header line should have 78 characters at most",
    "fold it if it can be",
    "RFC 5322 §2.1.1",
)
STRAY_CONTROL = error(
    "stray-control-character",
    "MIME-5",
    "a CR or LF stands alone, or the message has a NUL or a C1 control character",
    "servers refuse bare CR, LF and NUL, and Gmail clips a mail that holds a C1 control",
    "end lines with CRLF and clean the text",
    "RFC 5322 §2.3; github.com/hteumeuleu/email-bugs/issues/41",
)
WRONG_CHARSET = error(
    "charset-not-utf-8",
    "MIME-6",
    "the charset of a text part is neither utf-8 nor us-ascii",
    "another charset is guessed wrongly, and clips in Gmail",
    "use utf-8",
    "github.com/sendgrid/sendgrid-python/issues/1011",
)
TEXT_IN_BASE64 = warning(
    "text-in-base64",
    "MIME-7",
    "a text part is in base64",
    "it is a third larger and nobody can read the source",
    "use quoted-printable",
)
BAD_BOUNDARY = error(
    "bad-boundary",
    "MIME-8",
    "a boundary has more than 70 characters, or occurs in a body",
    "a boundary has 70 characters at most and occurs in no body (RFC 2046 §5.1.1)",
    "make another",
    "RFC 2046 §5.1.1",
)

_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_C1 = re.compile("[\u0080-\u009f]")


def check_body(mail: Part) -> Broken:
    """Check the parts, their encodings and every line of a message."""
    for check in _CHECKS:
        yield from check(mail)


def _check_order(mail: Part) -> Broken:
    root = mail
    while root.kind in ("multipart/mixed", "multipart/related") and len(root.parts) == 1:
        root = root.parts[0]
    kinds = [part.kind for part in root.parts]
    if root.kind != "multipart/alternative" or kinds != ["text/plain", "text/html"]:
        yield NOT_ALTERNATIVE, root.line, f"the message is {root.kind} of {', '.join(kinds) or 'one part'}"
    plain = next((part for part in mail.walk() if part.kind == "text/plain" and not part.parts), None)
    if plain is None or len("".join(plain.text().split())) < MIN_TEXT:
        yield TEXT_MISSING, plain.line if plain else mail.line, "there is no text part to speak of"


def _check_lines(mail: Part) -> Broken:
    raw = b"".join(header.raw for header in mail.headers) + b"\r\n" + mail.body
    for number, line in enumerate(raw.split(b"\n"), 1):
        if (size := len(line.removesuffix(b"\r"))) > MAX_LINE:
            yield LINE_TOO_LONG, number, f"the line has {size:,} octets"
    if match := _BARE.search(raw):
        number = raw.count(b"\n", 0, match.start()) + 1
        yield STRAY_CONTROL, number, f"the byte {match.group()!r} stands alone"


def _check_header_lines(mail: Part) -> Broken:
    for header in mail.headers:
        for offset, line in enumerate(header.raw.rstrip(b"\r\n").split(b"\r\n")):
            # A line without white space in its value cannot be folded.
            if len(line) > LONG_HEADER_LINE and b" " in line.partition(b":")[2].strip():
                yield (
                    HEADER_LINE_LONG,
                    header.line + offset,
                    f"a line of {header.name} has {len(line)} characters",
                )


def _check_encodings(mail: Part) -> Broken:
    for part in _texts(mail):
        charset = part.parameter("charset").lower()
        if charset not in ("utf-8", "us-ascii"):
            yield WRONG_CHARSET, part.line, f"{part.kind} is in {charset or 'no charset'}"
        if part.encoding == "base64":
            yield TEXT_IN_BASE64, part.line, f"{part.kind} is in base64"
        if part.encoding in ("base64", "quoted-printable"):
            for offset, line in enumerate(part.body.split(b"\r\n")):
                if len(line) > MAX_ENCODED_LINE:
                    yield (
                        ENCODED_TOO_LONG,
                        part.line + offset,
                        f"a line of {part.kind} has {len(line)} characters",
                    )
                    break
        if match := _C1.search(part.text()):
            yield (
                STRAY_CONTROL,
                part.line,
                f"{part.kind} holds the control character U+{ord(match.group()):04X}",
            )


def _check_boundaries(mail: Part) -> Broken:
    for part in mail.walk():
        boundary = part.parameter("boundary")
        if len(boundary) > MAX_BOUNDARY:
            yield BAD_BOUNDARY, part.line, f"the boundary has {len(boundary)} characters"
        mark = f"--{boundary}".encode("latin-1")
        if boundary and any(mark in inner.body for inner in part.walk() if not inner.parts):
            yield BAD_BOUNDARY, part.line, "the boundary occurs in a body"


def _texts(mail: Part) -> list[Part]:
    return [part for part in mail.walk() if part.kind.startswith("text/") and not part.parts]


_CHECKS: tuple[Callable[[Part], Broken], ...] = (
    _check_order,
    _check_lines,
    _check_header_lines,
    _check_encodings,
    _check_boundaries,
)
