"""What a rule is: a speaking name, the id it is known by, how much it weighs, when it is broken, and why."""

from dataclasses import dataclass

from newsletter.domain.finding import Finding, Severity
from newsletter.errors import Place

#: The source of a rule that no authority gives: its number is ours.
HOUSE = "house rule"


@dataclass(frozen=True)
class Rule:
    """One thing that a check looks for; `id` is empty where no list of rules but ours has it.

    `condition` completes the sentence "it is broken when"; `source` is who says so.
    """

    name: str
    id: str
    severity: Severity
    condition: str
    why: str
    mend: str
    source: str = HOUSE

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.id else self.name

    def found(self, place: Place, what: str, *, target: str = "", mend: str = "", about: str = "") -> Finding:
        """Report what was found and where; `mend` replaces the rule's own where it can say more."""
        return Finding(
            str(self),
            self.severity,
            place,
            what,
            self.why,
            mend or self.mend,
            target,
            self.source,
            about=about,
        )


def error(name: str, rule_id: str, condition: str, why: str, mend: str, source: str = HOUSE) -> Rule:
    """Name a rule that blocks queueing."""
    return Rule(name, rule_id, Severity.ERROR, condition, why, mend, source)


def warning(name: str, rule_id: str, condition: str, why: str, mend: str, source: str = HOUSE) -> Rule:
    """Name a rule that blocks nothing, and is mended or acknowledged."""
    return Rule(name, rule_id, Severity.WARNING, condition, why, mend, source)


def info(name: str, rule_id: str, condition: str, why: str, mend: str, source: str = HOUSE) -> Rule:
    """Name a rule that is worth knowing about."""
    return Rule(name, rule_id, Severity.INFO, condition, why, mend, source)
