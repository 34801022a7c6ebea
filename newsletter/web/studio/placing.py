"""Where in the studio a finding is shown: beside a line of the inbox, in the mail, or at the size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from newsletter.domain.finding import Finding, Severity

# By how the rule's speaking name begins; the mail itself has what is about some text or address in it.
_PARTS = (
    ("subject-", "subject"),
    ("preheader-", "preheader"),
    ("from-", "sender"),
    ("sender-", "sender"),
    ("html-", "size"),
    ("encoded-html-", "size"),
    ("message-large", "size"),
    ("slot-", "due"),
)


@dataclass(frozen=True)
class Placed:
    """A finding with its number on the page, and the part of the page that it is about, or nothing."""

    number: int
    finding: Finding
    part: str


def placed(findings: Iterable[Finding]) -> Sequence[Placed]:
    """Number findings, the worst first, and say where each belongs."""
    weights = list(Severity)
    ordered = sorted(findings, key=lambda finding: weights.index(finding.severity))
    return [Placed(number, finding, _part(finding)) for number, finding in enumerate(ordered, start=1)]


def _part(finding: Finding) -> str:
    if finding.about:
        return "mail"
    return next((part for start, part in _PARTS if finding.name.startswith(start)), "")
