"""The headers that say who, to whom, when and about what."""

import re
import unicodedata
from email.header import decode_header, make_header
from email.utils import getaddresses, parsedate_to_datetime

from newsletter.checks.mail import Broken, Header, Part
from newsletter.checks.rules import error, warning

REQUIRED = ("Date", "From", "Message-ID", "Subject", "To", "MIME-Version", "Content-Type")
SINGLE = (*REQUIRED, "Sender", "Reply-To", "Cc", "Bcc", "In-Reply-To", "References")
MAX_WORD, MAX_WORD_LINE = 75, 76

MISSING = error(
    "header-missing",
    "HDR-1",
    "Date, From, Message-ID, Subject, To, MIME-Version or Content-Type is missing",
    "Gmail refuses a mail without it (550 5.7.1)",
    "write it",
    "RFC 5322 §3.6; support.google.com/a/answer/3726730",
)
TWICE = error(
    "header-twice",
    "HDR-1",
    "a header that may stand once stands twice",
    "Gmail and Yahoo refuse duplicate headers",
    "write it once",
    "RFC 5322 §3.6; support.google.com/a/answer/3726730; senders.yahooinc.com",
)
BAD_FROM = error(
    "from-not-usable",
    "HDR-2",
    "From has not exactly one address, or one at Gmail, Yahoo, Outlook or another free provider",
    "Gmail refuses several senders, and other providers' domains cannot be authenticated",
    "write one address of a domain that is yours",
    "support.google.com/mail/answer/81126",
)
ODD_NAME = warning(
    "sender-name-misleading",
    "HDR-3",
    "the sender's name has `Re:`, a number in brackets, an address at Gmail, a check mark or an emoji",
    "Gmail's guidelines for display names count it as deception",
    "write the publication's name alone",
    "support.google.com/mail/answer/81126",
)
FALSE_REPLY = error(
    "subject-looks-like-a-reply",
    "HDR-4",
    "the subject begins with `Re:` or `Fwd:`",
    "it is no reply, and counts as deception",
    "leave it out",
    "support.google.com/mail/answer/81126",
)
NOT_ASCII = error(
    "header-not-plain",
    "HDR-5",
    "a header has a byte that is not ASCII, or an encoded word in an address, an id or a list header",
    "Gmail refuses it: encoded or not ASCII in a place where that is not allowed",
    "use ASCII",
    "RFC 2047 §5; support.google.com/a/answer/3726730",
)
BAD_WORD = error(
    "bad-encoded-word",
    "HDR-6",
    "two encoded words touch, one has more than 75 characters, or its line more than 76",
    "Yahoo refuses an invalid subject header (RFC 2047 §2)",
    "separate and shorten the words",
    "RFC 2047 §2; github.com/python/cpython/issues/144156",
)
BAD_DATE = error(
    "bad-date",
    "HDR-7",
    "Date is not written as RFC 5322 says",
    "a mail without a readable date is refused or sorted wrongly",
    "write it as RFC 5322 §3.3 says",
    "RFC 5322 §3.3; senders.yahooinc.com",
)
BAD_ID = error(
    "bad-message-id",
    "HDR-8",
    "Message-ID is not `<left@right>` with our own domain at the right",
    "it must be unique and of our own domain",
    "write <unique@domain-of-the-sender>",
    "RFC 5322 §3.6.4",
)
BAD_TO = error(
    "bad-recipient",
    "HDR-10",
    "To is empty, says undisclosed-recipients, or has several addresses",
    "To names the one person who gets the mail",
    "write exactly one address",
    "support.google.com/mail/answer/81126",
)

FREE_DOMAINS = frozenset(
    {
        "aol.com",
        "gmail.com",
        "googlemail.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "outlook.com",
        "yahoo.com",
    }
)
_UNENCODED = re.compile(
    r"(message-id|list-.*|feedback-id|dkim-signature|content-.*|mime-version|date)", re.IGNORECASE
)
_WORD = re.compile(rb"=\?[^?\s]+\?[bqBQ]\?[^?\s]*\?=")
_ODD_NAME = re.compile(r"^(re|fwd?):|\(\d+\)|@gmail\.com|[\u2705\u2713\u2714]", re.IGNORECASE)
_REPLY = re.compile(r"\s*(re|fwd?)\s*:", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<[^<>@\s]+@([A-Za-z0-9.-]+)>")
_DATE = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d(?::\d\d)? [+-]\d{4}")


def check_headers(mail: Part) -> Broken:
    """Check the headers that every message has."""
    yield from _check_presence(mail)
    for header in mail.headers:
        yield from _check_letters(header)
    yield from _check_sender(mail)
    yield from _check_recipient(mail)
    yield from _check_subject(mail)
    yield from _check_date(mail)
    yield from _check_message_id(mail)


def sender_domain(mail: Part) -> str:
    """Return the domain of From in lower case, or nothing."""
    addresses = getaddresses([mail.value("From")])
    return addresses[0][1].rpartition("@")[2].lower() if addresses else ""


def line_of(mail: Part, name: str) -> int:
    """Return the line of a header, or 0 where there is none."""
    return next((header.line for header in mail.all(name)), 0)


def is_under(domain: str, other: str) -> bool:
    """Tell whether one of two domains is the other or stands under it."""
    return domain == other or domain.endswith(f".{other}") or other.endswith(f".{domain}")


def _check_presence(mail: Part) -> Broken:
    for name in REQUIRED:
        if not mail.all(name):
            yield MISSING, 0, f"there is no {name} header"
    names = [header.name.lower() for header in mail.headers]
    single = {name.lower() for name in SINGLE}
    for header in mail.headers:
        name = header.name.lower()
        is_first = mail.all(name)[0] is header
        if not is_first and names.count(name) > 1 and (name in single or name.startswith("list-")):
            yield TWICE, header.line, f"{header.name} is there more than once"


def _check_letters(header: Header) -> Broken:
    if not header.raw.isascii():
        yield NOT_ASCII, header.line, f"{header.name} holds bytes that are not ASCII"
    in_address = re.search(r"<[^>]*=\?|=\?[^\s]*\?=@", header.value)
    if b"=?" in header.raw and (_UNENCODED.fullmatch(header.name) or in_address):
        yield NOT_ASCII, header.line, f"{header.name} holds an encoded word where none may be"
    words = _WORD.findall(header.raw)
    lines = [line for line in header.raw.split(b"\r\n") if _WORD.search(line)]
    if b"?==?" in header.raw:
        yield BAD_WORD, header.line, f"two encoded words of {header.name} touch"
    if any(len(word) > MAX_WORD for word in words) or any(len(line) > MAX_WORD_LINE for line in lines):
        yield BAD_WORD, header.line, f"an encoded word of {header.name}, or its line, is too long"


def _check_sender(mail: Part) -> Broken:
    if not mail.all("From"):
        return
    line, addresses = line_of(mail, "From"), getaddresses([mail.value("From")])
    domain = sender_domain(mail)
    if len(addresses) != 1 or not domain:
        yield BAD_FROM, line, f"From has {len(addresses)} addresses"
    elif domain in FREE_DOMAINS:
        yield BAD_FROM, line, f"From is an address at {domain}"
    name = _decoded(addresses[0][0]) if addresses else ""
    if _ODD_NAME.search(name) or any(unicodedata.category(char) == "So" for char in name):
        yield ODD_NAME, line, f"the sender is called {name!r}"


def _check_recipient(mail: Part) -> Broken:
    if not mail.all("To"):
        return
    value = mail.value("To")
    addresses = [address for _, address in getaddresses([value]) if "@" in address]
    if len(addresses) != 1 or "undisclosed" in value.lower():
        yield BAD_TO, line_of(mail, "To"), f"To has {len(addresses)} addresses"


def _check_subject(mail: Part) -> Broken:
    if _REPLY.match(_decoded(mail.value("Subject"))):
        yield FALSE_REPLY, line_of(mail, "Subject"), "the subject begins like a reply"


def _check_date(mail: Part) -> Broken:
    written = mail.value("Date")
    if not mail.all("Date"):
        return
    try:
        parsedate_to_datetime(written)
        is_date = _DATE.fullmatch(written) is not None
    except ValueError:
        is_date = False
    if not is_date:
        yield BAD_DATE, line_of(mail, "Date"), f"{written!r} is no date of a mail"


def _check_message_id(mail: Part) -> Broken:
    if not mail.all("Message-ID"):
        return
    written = mail.value("Message-ID")
    match = _MESSAGE_ID.fullmatch(written)
    if match is None or not is_under(match.group(1).lower(), sender_domain(mail)):
        yield BAD_ID, line_of(mail, "Message-ID"), f"the Message-ID is {written!r}"


def _decoded(text: str) -> str:
    try:
        return str(make_header(decode_header(text)))
    except (LookupError, UnicodeError, ValueError):
        return text
