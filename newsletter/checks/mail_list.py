"""The headers of a list: the way out with one click, and what it is called."""

import re
from email.utils import getaddresses
from urllib.parse import unquote

from newsletter.checks.mail import Broken, Part
from newsletter.checks.mail_headers import is_under, line_of, sender_domain
from newsletter.checks.rules import error, info, warning

MAX_LIST_ID = 255

BAD_UNSUBSCRIBE = error(
    "list-unsubscribe-not-usable",
    "UNS-1",
    "List-Unsubscribe has not exactly one https address in angle brackets, or an http one, or white space",
    "Gmail and Yahoo ask for one https address in angle brackets (RFC 8058 §3.1)",
    "write <https://...> with the subscriber's own token",
    "RFC 8058 §3.1; RFC 2369 §2",
)
BAD_ONE_CLICK = error(
    "one-click-not-announced",
    "UNS-2",
    "List-Unsubscribe-Post is not exactly `List-Unsubscribe=One-Click`",
    "without it a mail client cannot unsubscribe with one click (RFC 8058 §3.1)",
    "write List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    "RFC 8058 §3.1; support.google.com/mail/answer/81126",
)
BAD_LIST_ID = warning(
    "list-id-not-usable",
    "LST-1",
    "List-Id is missing, has no `<id>` under our domain behind its name, or has more than 255 characters",
    "mail clients sort by it (RFC 2919)",
    "write a name and <list.your.domain>",
    "RFC 2919",
)
BAD_FEEDBACK_ID = warning(
    "feedback-id-not-usable",
    "LST-2",
    "Feedback-ID has not one to four fields, or its last has not 5 to 15 characters, or it stands twice",
    "Gmail reports complaints by it (support.google.com/mail/answer/6254652)",
    "write up to four fields, the last of 5 to 15 characters",
    "support.google.com/a/answer/6254652",
)

MAIL_ALONE = error(
    "unsubscribe-by-mail-alone",
    "UNS-7",
    "List-Unsubscribe has a `mailto:` and no https address",
    "Gmail does not count it, and nobody can leave with one click",
    "write <https://...> before it",
    "support.google.com/mail/answer/81126; senders.yahooinc.com",
)
GUESSABLE = error(
    "unsubscribe-address-guessable",
    "UNS-5",
    "the unsubscribe address holds the subscriber's address, or a number in place of a token",
    "anybody could unsubscribe others, and the address would give away who they are",
    "write a token that cannot be guessed",
    "RFC 8058 §3.1",
)
ODD_PRECEDENCE = info(
    "precedence-odd",
    "LST-3",
    "Precedence is neither bulk nor list, or Auto-Submitted is auto-replied",
    "mail servers take it for something else than a newsletter",
    "leave it out",
    "RFC 3834; RFC 5230 §4.6",
)

# A title without a Latin letter gives no name, and none is needed.
_LIST_ID = re.compile(r"(?:[^<>]+ )?<([A-Za-z0-9.-]+)>")


def check_list_headers(mail: Part) -> Broken:
    """Check the headers that only a list's mail has."""
    yield from _check_unsubscribe(mail)
    yield from _check_list_id(mail)
    yield from _check_feedback_id(mail)
    yield from _check_precedence(mail)


def _check_unsubscribe(mail: Part) -> Broken:
    written = mail.value("List-Unsubscribe")
    uris = re.findall(r"<([^>]*)>", written)
    secure = [uri for uri in uris if uri.startswith("https:")]
    if uris and not secure and all(uri.startswith("mailto:") for uri in uris):
        yield MAIL_ALONE, line_of(mail, "List-Unsubscribe"), f"List-Unsubscribe is {written!r}"
    elif len(secure) != 1 or any(uri.startswith("http:") or re.search(r"\s", uri) for uri in uris):
        what = f"List-Unsubscribe is {written!r}" if written else "there is no List-Unsubscribe"
        yield BAD_UNSUBSCRIBE, line_of(mail, "List-Unsubscribe"), what
    reader = next((address for _, address in getaddresses([mail.value("To")]) if address), "")
    for uri in secure:
        plain = unquote(uri)
        is_known = bool(reader) and reader.lower() in plain.lower()
        if is_known or plain.rstrip("/").rpartition("/")[2].isdecimal():
            yield GUESSABLE, line_of(mail, "List-Unsubscribe"), f"the unsubscribe address is {uri!r}"
    post = mail.value("List-Unsubscribe-Post")
    if post != "List-Unsubscribe=One-Click":
        what = f"List-Unsubscribe-Post is {post!r}" if post else "there is no List-Unsubscribe-Post"
        yield BAD_ONE_CLICK, line_of(mail, "List-Unsubscribe-Post"), what


def _check_list_id(mail: Part) -> Broken:
    written = mail.value("List-Id")
    match = _LIST_ID.fullmatch(written)
    is_ours = match is not None and is_under(match.group(1).lower(), sender_domain(mail))
    if not is_ours or len(written) > MAX_LIST_ID:
        yield (
            BAD_LIST_ID,
            line_of(mail, "List-Id"),
            f"List-Id is {written!r}" if written else "there is no List-Id",
        )


def _check_feedback_id(mail: Part) -> Broken:
    headers = mail.all("Feedback-ID")
    fields = mail.value("Feedback-ID").split(":")
    if len(headers) != 1 or len(fields) > 4 or not 5 <= len(fields[-1]) <= 15:
        what = (
            f"{len(headers)} Feedback-ID headers"
            if len(headers) != 1
            else f"Feedback-ID is {headers[0].value!r}"
        )
        yield BAD_FEEDBACK_ID, line_of(mail, "Feedback-ID"), what


def _check_precedence(mail: Part) -> Broken:
    written = mail.value("Precedence").lower()
    if written not in ("", "bulk", "list"):
        yield ODD_PRECEDENCE, line_of(mail, "Precedence"), f"Precedence is {written!r}"
    if mail.value("Auto-Submitted").lower().startswith("auto-replied"):
        yield ODD_PRECEDENCE, line_of(mail, "Auto-Submitted"), "Auto-Submitted says that it is a reply"
