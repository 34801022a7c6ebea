"""What a mail server's reply proves: about one recipient, about the mail, or about the account.

Codes are those of RFC 5321, enhanced ones those of RFC 3463. The reply's class decides whether the same call
may succeed later, the enhanced code what the cause is, and the words where the code says too little.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from newsletter.domain.bouncing import Bounce, classify
from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import reason


class Verb(StrEnum):
    """What a reply answers."""

    CONNECT = "the connection"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    RSET = "RSET"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    #: The final dot.
    MESSAGE = "the message"


@dataclass(frozen=True)
class Said:
    """One reply; `text` without its codes on each line, `code` -1 where there is none."""

    verb: Verb
    code: int
    text: str

    @property
    def is_fine(self) -> bool:
        return self.code == _GO_ON if self.verb is Verb.DATA else self.code // 100 == 2

    @property
    def is_goodbye(self) -> bool:
        # RFC 5321 §3.8: the server closes the connection after it.
        return self.code == _GOODBYE


_GO_ON, _GOODBYE = 354, 421
#: A pace that is too fast: Gmail asks for so long (support.google.com/mail/answer/81126 as of 2026).
_PACE_WAIT = timedelta(minutes=10)
#: A day's quota is used up; most are counted over the last 24 hours, so some of it comes back sooner.
_QUOTA_WAIT = timedelta(hours=1)
_THIS_ONE_ONLY = timedelta()

_BEFORE_ANY_MAIL = (Verb.CONNECT, Verb.EHLO, Verb.STARTTLS, Verb.AUTH)
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
#: Authentication and reverse DNS, which only a person mends; Gmail says some of them in replies of 4xx.
_SETUP = frozenset({"7.23", "7.25", "7.26", "7.27", "7.29", "7.30", "7.31", "7.32", "7.40", "7.515"})
#: A bad sender, a mail that is too large or malformed, a policy: what is refused to one is refused to all.
_ALL = frozenset({"1.7", "1.8", "2.3", "3.4", "6.0", "7.0", "7.8", "7.9", "7.14"})
#: One's own address or mailbox; a route, of which Microsoft says 5.4.1 where there is no such mailbox.
_ONE = ("1", "2", "4")
_AUTHENTICATION = frozenset({530, 534, 535, 538})
_OUT_OF_ORDER = frozenset({500, 502, 503, 504})
_MAILBOX_BUSY = 450
_QUOTA = re.compile(r"(?:daily|sending|message)[a-z ]* (?:quota|limit)", re.IGNORECASE)
_PACE = re.compile(
    r"throttl|too many|too fast|rate.?limit|(?:sending|message) rate|\bRP-00\d|\bTS\d\d\b", re.IGNORECASE
)
_ABOUT_US = re.compile(
    r"\brelay|authentication (?:is )?required|must authenticate|sender address"
    r"|not (?:allowed|authorized) to send|not verified",
    re.IGNORECASE,
)


def enhanced(said: Said) -> str:
    """Return the enhanced code without its class, such as `7.1`, or nothing."""
    found = _ENHANCED.match(said.text)
    code = found[0][2:] if found else ""
    # It stands for "nothing more is known".
    return "" if code == "0.0" else code


def refusal(said: Said) -> Answer:
    """Tell what a reply proves that is not the one wished for, before or after the final dot."""
    outcome, wait = _ruling(said, enhanced(said))
    return Answer(outcome, words(said), retry_after=wait, status=said.code if said.code > 0 else None)


def words(said: Said) -> str:
    """Repeat a reply on one line."""
    return reason(f"{said.verb}: {said.code} {said.text}" if said.code > 0 else f"{said.verb}: {said.text}")


def _ruling(said: Said, cause: str) -> tuple[Outcome, timedelta | None]:
    if said.code // 100 not in (4, 5):
        # What is no proper reply: harmless before the final dot, and after it no proof.
        return (Outcome.UNKNOWN if said.verb is Verb.MESSAGE else Outcome.DEFERRED), None
    if cause in _SETUP:
        return Outcome.MISCONFIGURED, None
    if said.code // 100 == 4:
        return Outcome.DEFERRED, _wait(said, cause)
    if cause == "4.5" and _QUOTA.search(said.text):
        # Google: 550 5.4.5, Daily user sending limit exceeded.
        return Outcome.DEFERRED, _QUOTA_WAIT
    return (Outcome.MISCONFIGURED if _stops_all(said, cause) else Outcome.REFUSED), None


def _wait(said: Said, cause: str) -> timedelta | None:
    if said.verb in _BEFORE_ANY_MAIL:
        return _PACE_WAIT if _PACE.search(said.text) else None
    is_theirs = said.verb is Verb.RCPT and cause.startswith(("1.", "2."))
    if not is_theirs and _QUOTA.search(said.text):
        return _QUOTA_WAIT
    if not is_theirs and (cause in ("7.0", "7.28") or _PACE.search(said.text)):
        return _PACE_WAIT
    is_busy = said.verb is Verb.RCPT and not cause and said.code == _MAILBOX_BUSY
    # 4.7.1 at a recipient is greylisting more often than not.
    return _THIS_ONE_ONLY if is_theirs or is_busy or (said.verb is Verb.RCPT and cause == "7.1") else None


def _stops_all(said: Said, cause: str) -> bool:
    if said.verb in (*_BEFORE_ANY_MAIL, Verb.MAIL) or said.code in _AUTHENTICATION or cause in _ALL:
        return True
    subject = cause.partition(".")[0]
    if subject == "5":
        # Some say 5.5.x of a recipient; only 5.5.1, a command out of order, is ours there.
        return said.verb is not Verb.RCPT or cause == "5.1"
    if subject in _ONE:
        return False
    if subject == "7":
        return _is_about_us(said)
    # Without a cause: a recipient is refused for their own sake, a mail for its content, and that is all's.
    return said.verb is not Verb.RCPT or said.code in _OUT_OF_ORDER or _is_about_us(said)


def _is_about_us(said: Said) -> bool:
    bare = _ENHANCED.sub("", said.text)
    return bool(_ABOUT_US.search(bare)) or classify(bare, said.code) is Bounce.BLOCK
