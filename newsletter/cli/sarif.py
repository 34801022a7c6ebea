"""Findings as SARIF 2.1.0, which code hosts show beside the lines of a pull request."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from newsletter import __version__
from newsletter.checks.registry import every_rule
from newsletter.checks.rules import Rule
from newsletter.domain.finding import Finding, Severity

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def as_sarif(findings: Sequence[Finding], folder: str = "") -> dict[str, Any]:
    """Return findings as one run; what is acknowledged is a suppressed result with its reason.

    `folder` is where the letter stands in its repository, with a slash behind it.
    """
    rules = every_rule()
    used = sorted({found.name for found in findings})
    driver = {
        "name": "newsletter",
        "semanticVersion": __version__,
        "rules": [_described(rules[name]) for name in used],
    }
    results = [_result(found, used.index(found.name), folder) for found in findings]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _described(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": f"{rule}: {rule.condition}"},
        "fullDescription": {"text": f"{rule.condition}; {rule.why}"},
        "help": {"text": f"mend: {rule.mend}; source: {rule.source}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(found: Finding, index: int, folder: str) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(folder + found.place.file)}}
    if found.place.line:
        location["region"] = {"startLine": found.place.line}
    if found.place.column:
        location["region"]["startColumn"] = found.place.column
    about = f" ({found.target})" if found.target else ""
    result: dict[str, Any] = {
        "ruleId": found.name,
        "ruleIndex": index,
        "level": _LEVELS[found.severity],
        "message": {"text": f"{found.what}{about}; {found.why}; mend: {found.mend}"},
        "locations": [{"physicalLocation": location}],
    }
    if found.acknowledged:
        result["suppressions"] = [{"kind": "inSource", "justification": found.acknowledged}]
    return result
