"""What a check finds."""

from dataclasses import dataclass
from enum import StrEnum

from newsletter.errors import Place


class Severity(StrEnum):
    """How much a finding weighs; an error blocks queueing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One thing a check found: place, rule, what, why, mend."""

    rule: str
    severity: Severity
    place: Place
    what: str
    why: str
    mend: str
    target: str = ""


def errors_of(findings: "list[Finding]") -> "list[Finding]":
    """Return the findings that block queueing."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]
