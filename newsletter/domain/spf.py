"""What an SPF record means (RFC 7208)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.domain.diagnosis import Checked, Verdict, ok, problem

#: RFC 7208 §4.6.4: who needs more look-ups than these has no valid record.
MOST_LOOKUPS = 10
_TERM = re.compile(
    r"(?P<sign>[-+?~]?)(?P<name>[a-z][a-z0-9_.-]*)(?:(?P<mark>[:=/])(?P<value>.*))?", re.IGNORECASE
)
_ASKING = frozenset({"include", "a", "mx", "ptr", "exists"})
_KNOWN = _ASKING | {"all", "ip4", "ip6"}
_NEED_VALUE = frozenset({"include", "exists", "ip4", "ip6"})


@dataclass(frozen=True)
class Spf:
    """One record: how many look-ups it takes itself, whose records count too, and its last word.

    `final` is the sign before `all`; without it the record of `redirect` has the last word, or nobody has.
    `wrong` is the first term that cannot be read.
    """

    lookups: int = 0
    includes: tuple[str, ...] = ()
    redirect: str = ""
    final: str | None = None
    wrong: str = ""


@dataclass(frozen=True)
class SpfSurvey:
    """What is published for a domain: its records, all look-ups counted, and what makes it invalid."""

    records: Sequence[str]
    lookups: int = 0
    final: str | None = None
    wrong: str = ""


def is_spf(text: str) -> bool:
    """Tell whether a text of a domain is an SPF record (§4.5)."""
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def read_spf(record: str) -> Spf:
    """Read a record; terms behind `all` are never reached, and then no redirect counts (§5.1, §6.1)."""
    lookups, redirect = 0, ""
    includes: list[str] = []
    for term in record.split()[1:]:
        match = _TERM.fullmatch(term)
        if match is None:
            return Spf(wrong=term)
        name, mark, value = match["name"].lower(), match["mark"], match["value"] or ""
        if mark == "=":
            redirect = value if name == "redirect" else redirect
            continue
        if name not in _KNOWN or (name in _NEED_VALUE and not value):
            return Spf(wrong=term)
        if name == "all":
            return Spf(lookups, tuple(includes), final=match["sign"] or "+")
        lookups += name in _ASKING
        if name == "include":
            includes.append(value)
    return Spf(lookups + bool(redirect), tuple(includes), redirect)


def judge_spf(domain: str, found: SpfSurvey, *, is_envelope: bool) -> Checked:
    """Say what the records of a domain are worth.

    It blocks only where the mails are known to bounce there: many providers put a domain of their own into
    the envelope, and then nobody looks here.
    """
    what = f"SPF of {domain}"
    fault = _fault(found)
    if fault is not None:
        doubt = "" if is_envelope else "; it counts if mails bounce to this domain"
        verdict = Verdict.BLOCKS if is_envelope else Verdict.PROBLEM
        return Checked(what, verdict, fault[0] + doubt, fault[1])
    if found.final == "+":
        return problem(what, "+all lets anybody send as this domain", "end the record in ~all or -all")
    if found.final in (None, "?"):
        return problem(what, "its record forbids nobody", "end the record in ~all or -all")
    return ok(what, f"{found.final}all, {found.lookups} of {MOST_LOOKUPS} look-ups")


def _fault(found: SpfSurvey) -> tuple[str, str] | None:
    if not found.records:
        return "there is no record", "publish the TXT record that the provider shows: v=spf1 … ~all"
    if len(found.records) > 1:
        return f"there are {len(found.records)} records, so none counts (RFC 7208 §4.5)", "join them into one"
    if found.wrong:
        return f"the record is not valid: {found.wrong}", "correct it"
    if found.lookups > MOST_LOOKUPS:
        return (
            f"the record takes {found.lookups} look-ups, and {MOST_LOOKUPS} are allowed (RFC 7208 §4.6.4)",
            "take out what does not send any more",
        )
    return None
