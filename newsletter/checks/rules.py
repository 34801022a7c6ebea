"""What a rule is: a speaking name, the id it is known by, how much it weighs, why, and how to mend it."""

from dataclasses import dataclass

from newsletter.domain.finding import Finding, Severity
from newsletter.errors import Place


@dataclass(frozen=True)
class Rule:
    """One thing that a check looks for; `id` is empty where no list of rules but ours has it."""

    name: str
    id: str
    severity: Severity
    why: str
    mend: str

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.id else self.name

    def found(self, place: Place, what: str, *, target: str = "", mend: str = "") -> Finding:
        """Report what was found and where; `mend` replaces the rule's own where it can say more."""
        return Finding(str(self), self.severity, place, what, self.why, mend or self.mend, target)


def error(name: str, rule_id: str, why: str, mend: str) -> Rule:
    """Name a rule that blocks queueing."""
    return Rule(name, rule_id, Severity.ERROR, why, mend)


def warning(name: str, rule_id: str, why: str, mend: str) -> Rule:
    """Name a rule that is shown and blocks nothing."""
    return Rule(name, rule_id, Severity.WARNING, why, mend)


def info(name: str, rule_id: str, why: str, mend: str) -> Rule:
    """Name a rule that is worth knowing about."""
    return Rule(name, rule_id, Severity.INFO, why, mend)
