"""What a check finds."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from newsletter.errors import Place


class Severity(StrEnum):
    """How much a finding weighs; an error blocks queueing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Acknowledgement:
    """A warning that an editor has looked at and lets stand, by the rule's name, with the reason."""

    rule: str
    reason: str
    place: Place


@dataclass(frozen=True)
class Finding:
    """One thing a check found: place, rule, what, why, mend, who says so.

    `acknowledged` is the reason for which it may stand, or nothing; `about` is the text or the address in the
    mail that the finding is about, or nothing.
    """

    rule: str
    severity: Severity
    place: Place
    what: str
    why: str
    mend: str
    target: str = ""
    source: str = ""
    acknowledged: str = ""
    about: str = ""

    @property
    def name(self) -> str:
        """Return the rule's speaking name, by which it is acknowledged."""
        return self.rule.partition(" ")[0]


def errors_of(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that block queueing."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def open_of(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that nobody has acknowledged."""
    return [finding for finding in findings if not finding.acknowledged]


def worst_of(findings: Iterable[Finding]) -> Severity | None:
    """Return the weight of the worst of some findings; None without any."""
    weights = list(Severity)
    return min((finding.severity for finding in findings), key=weights.index, default=None)
