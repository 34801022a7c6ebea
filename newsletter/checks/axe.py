"""What axe-core says of a mail as it is drawn; where a rule of ours says the same, ours speaks."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from newsletter.checks import colours, drawn, inbox, links, pictures, reading
from newsletter.checks.page import Seen, Sightings
from newsletter.checks.rules import Rule, error, info, warning

AXE = "github.com/dequelabs/axe-core"

SERIOUS = error(
    "axe-serious",
    "AXE",
    "axe-core finds something of serious or critical impact that no rule here looks for",
    "people who read with other means than their eyes cannot use the mail",
    "follow the page of the rule",
    AXE,
)
MODERATE = warning(
    "axe-moderate",
    "AXE",
    "axe-core finds something of moderate impact that no rule here looks for",
    "it is harder than it need be for people who read with other means than their eyes",
    "follow the page of the rule",
    AXE,
)
MINOR = info(
    "axe-minor",
    "AXE",
    "axe-core finds something of minor impact that no rule here looks for",
    "it is a nuisance to people who read with other means than their eyes",
    "follow the page of the rule",
    AXE,
)

#: A mail is no page: it has no landmarks, and nothing before its text to skip.
OPTIONS: Mapping[str, Any] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "rules": {
        name: {"enabled": False}
        for name in ("landmark-one-main", "region", "page-has-heading-one", "bypass", "meta-viewport")
    },
}
#: In another colour scheme only the colours differ.
COLOURS_ALONE: Mapping[str, Any] = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}

_WEIGHTS = {"critical": SERIOUS, "serious": SERIOUS, "moderate": MODERATE}
_OURS: dict[str, tuple[Rule, ...]] = {
    "color-contrast": (colours.LOW,),
    "document-title": (inbox.TITLE_MISSING,),
    "empty-heading": (reading.EMPTY,),
    "heading-order": (reading.SKIPS,),
    "html-has-lang": (reading.LANGUAGE,),
    "html-lang-valid": (reading.LANGUAGE,),
    "image-alt": (pictures.ALT_MISSING,),
    "link-in-text-block": (links.COLOUR_ALONE,),
    "link-name": (links.UNNAMED, pictures.LINK_UNNAMED),
    "scope-attr-valid": (reading.HEADS_UNMARKED,),
    "target-size": (drawn.TARGET_TINY,),
}


def judge_axe(
    violations: Iterable[Mapping[str, Any]], known: frozenset[str], *, dark: bool = False
) -> Sightings:
    """Say what axe-core found, once for each of its rules; `known` names the rules that have spoken."""
    for one in violations:
        ours = (drawn.DARK_LOW, colours.LOW) if dark else _OURS.get(one["id"], ())
        if any(rule.name in known for rule in ours):
            continue
        nodes = one["nodes"]
        rule = ours[0] if ours else replace(_WEIGHTS.get(one["impact"], MINOR), source=_page(one["helpUrl"]))
        times = f" ({len(nodes)} times)" if len(nodes) > 1 else ""
        where = " ".join(str(step) for step in nodes[0]["target"])
        yield Seen(rule, f"{one['help']}{times}, first at {where[:80]} [{one['id']}]", about=_about(nodes[0]))


def _page(address: str) -> str:
    return address.partition("?")[0].removeprefix("https://")


def _about(node: Mapping[str, Any]) -> str:
    return str(node.get("said", ""))
