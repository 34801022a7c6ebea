"""Every rule that there is; each is written once, beside the check that looks for it."""

from types import ModuleType

from newsletter.checks import (
    anchors,
    axe,
    cadence,
    colours,
    drawn,
    inbox,
    links,
    mail_body,
    mail_headers,
    mail_list,
    mail_size,
    online,
    outlook,
    pictures,
    reading,
    revision,
    spam,
    structure,
    styles,
    support,
    text_part,
    wording,
)
from newsletter.checks.rules import Rule

#: The rooms of a letter that rules are about, in the order in which an editor meets them.
CHAPTERS: tuple[tuple[str, tuple[ModuleType, ...]], ...] = (
    ("The series", (structure, cadence)),
    ("The inbox", (inbox,)),
    ("Both parts", (revision, text_part)),
    ("Pictures", (pictures,)),
    ("Links", (links, online, anchors)),
    ("Reading for everybody", (reading, colours)),
    ("Styles and Outlook", (styles, support, outlook)),
    ("In a browser", (drawn, axe)),
    ("Health wording", (wording,)),
    ("The message's headers", (mail_headers, mail_list)),
    ("The message's bytes", (mail_body, mail_size)),
    ("A spam filter", (spam,)),
)


def rules_of(*modules: ModuleType) -> tuple[Rule, ...]:
    """List the rules that modules define, in their order, each once."""
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Rule)]
    return tuple(dict.fromkeys(found))


def every_rule() -> dict[str, Rule]:
    """Return every rule by its speaking name."""
    return {rule.name: rule for _, modules in CHAPTERS for rule in rules_of(*modules)}
