"""The headers of a list: the way out with one click, and what it is called."""

import re

from newsletter.checks.mail import Broken, Part
from newsletter.checks.mail_headers import is_under, line_of, sender_domain
from newsletter.checks.rules import error, warning

MAX_LIST_ID = 255

BAD_UNSUBSCRIBE = error(
    "list-unsubscribe-not-usable",
    "UNS-1",
    "Gmail and Yahoo ask for one https address in angle brackets (RFC 8058 §3.1)",
    "write <https://...> with the subscriber's own token",
)
BAD_ONE_CLICK = error(
    "one-click-not-announced",
    "UNS-2",
    "without it a mail client cannot unsubscribe with one click (RFC 8058 §3.1)",
    "write List-Unsubscribe-Post: List-Unsubscribe=One-Click",
)
BAD_LIST_ID = warning(
    "list-id-not-usable", "LST-1", "mail clients sort by it (RFC 2919)", "write a name and <list.your.domain>"
)
BAD_FEEDBACK_ID = warning(
    "feedback-id-not-usable",
    "LST-2",
    "Gmail reports complaints by it (support.google.com/mail/answer/6254652)",
    "write up to four fields, the last of 5 to 15 characters",
)

_LIST_ID = re.compile(r"[^<>]+ <([A-Za-z0-9.-]+)>")


def check_list_headers(mail: Part) -> Broken:
    """Check the headers that only a list's mail has."""
    yield from _check_unsubscribe(mail)
    yield from _check_list_id(mail)
    yield from _check_feedback_id(mail)


def _check_unsubscribe(mail: Part) -> Broken:
    written = mail.value("List-Unsubscribe")
    uris = re.findall(r"<([^>]*)>", written)
    secure = [uri for uri in uris if uri.startswith("https:")]
    if len(secure) != 1 or any(uri.startswith("http:") or re.search(r"\s", uri) for uri in uris):
        what = f"List-Unsubscribe is {written!r}" if written else "there is no List-Unsubscribe"
        yield BAD_UNSUBSCRIBE, line_of(mail, "List-Unsubscribe"), what
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
