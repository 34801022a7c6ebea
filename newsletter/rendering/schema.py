"""MJML's own schema: which element may stand in which, and what its attributes take.

`mjml_schema.json` is taken from MJML's packages with their licence; `make references` takes it again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

#: These stand in <mj-attributes> besides the elements that they set values for.
SHARED = ("mj-all", "mj-class")
#: Any element may have these.
_EVERYWHERE = {"css-class": "string", "mj-class": "string"}
#: What the packages keep elsewhere than in their table of attributes.
_BESIDE: Mapping[str, Mapping[str, str]] = {
    "mjml": {"lang": "string", "dir": "enum(ltr,rtl,auto)"},
    "mj-class": {"name": "string"},
}
#: MJML has these, the compiler in use does not.
_NOT_COMPILED = {
    "mj-html-attributes": "write the attributes on the elements themselves",
    "mj-selector": "write the attributes on the elements themselves",
    "mj-html-attribute": "write the attribute on the element itself",
    "mj-include": 'write {% include "name.mjml.j2" %}',
}
#: MJML allows it in some more.
_WITH_RAW = ("mj-head", "mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero")


@dataclass(frozen=True)
class Schema:
    """The schema as it is read from its file."""

    children: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, Mapping[str, str]]
    markup: frozenset[str]
    colours: frozenset[str]

    @cached_property
    def known(self) -> frozenset[str]:
        """Return the names of all elements."""
        return (self.markup | set(self.children)) - {""}

    @cached_property
    def every_attribute(self) -> Mapping[str, frozenset[str]]:
        """Return every attribute of any element with the kinds of value it takes somewhere."""
        kinds: dict[str, set[str]] = {}
        for attributes in self.attributes.values():
            for name, kind in attributes.items():
                kinds.setdefault(name, set()).add(kind)
        return {name: frozenset(found) for name, found in kinds.items()}

    def kinds_of(self, element: str, attribute: str) -> frozenset[str]:
        """Return the kinds of value an attribute takes; none where the element has no such attribute."""
        if kind := self.attributes.get(element, {}).get(attribute) or _EVERYWHERE.get(attribute):
            return frozenset({kind})
        return self.every_attribute.get(attribute, frozenset()) if element in SHARED else frozenset()

    def attributes_of(self, element: str) -> list[str]:
        """List the attributes that an element may have."""
        shared = self.every_attribute if element in SHARED else {}
        return sorted({*self.attributes.get(element, {}), *_EVERYWHERE, *shared})


@cache
def schema() -> Schema:
    """Read the schema, with what can not be compiled left out."""
    raw = json.loads(Path(__file__).with_name("mjml_schema.json").read_text(encoding="utf-8"))
    attributes = {name: taken for name, taken in raw["attributes"].items() if name not in _NOT_COMPILED}
    for name, taken in _BESIDE.items():
        attributes[name] = {**attributes.get(name, {}), **taken}
    markup = frozenset(raw["markup"])
    known = set(attributes) | set(SHARED)
    children = {
        name: tuple(one for one in allowed if one in known and (one != "mj-raw" or name in _WITH_RAW))
        for name, allowed in raw["children"].items()
        if name in known and name not in markup
    }
    children.update(dict.fromkeys(known - markup - set(children), ()))
    # What stands before the document's first element would break it; a document has one head and one body.
    children.update({"": ("mjml",), "mjml": ("mj-head", "mj-body")})
    outside = {"mjml", "mj-head", *children["mj-head"]}
    children["mj-attributes"] = tuple(sorted(known - outside))
    return Schema(children, attributes, markup, frozenset(raw["colours"]))


def instead_of(element: str) -> str:
    """Say what is written in the place of an element of MJML that is not compiled here; "" for others."""
    return _NOT_COMPILED.get(element, "")


def fits(value: str, kind: str) -> bool:
    """Tell whether a value is of a kind, such as `unit(px,%){1,4}`, `color` or `enum(ltr,rtl)`."""
    if kind == "color":
        return _COLOUR.fullmatch(value) is not None or value in schema().colours
    if kind == "string":
        return True
    return _pattern(kind).fullmatch(value) is not None


def expected(kind: str) -> str:
    """Word a kind of value as the mend of a wrong one."""
    if kind in _WORDS:
        return _WORDS[kind]
    name, options, counts = _taken_apart(kind)
    if name == "enum":
        return "write " + " or ".join(repr(option) for option in options if option)
    numbers = {"1": "one size", "1,4": "one to four sizes with spaces between"}.get(counts, "sizes")
    example = "'20px'" if counts == "1" else "'20px 32px'"
    return f"write {numbers} in {' or '.join(unit for unit in options if unit)}, such as {example}"


_COLOUR = re.compile(
    r"#(?:[0-9a-fA-F]{3}){1,2}|rgb\(\d{1,3},\s?\d{1,3},\s?\d{1,3}\)|"
    r"rgba\(\d{1,3},\s?\d{1,3},\s?\d{1,3},\s?\d(?:\.\d{1,3})?\)"
)
_KIND = re.compile(r"(\w+)(?:\(([^)]*)\))?(?:\{([\d,]+)\})?")
_WORDS = {
    "color": "write a colour like '#0b6b62'",
    "integer": "write a whole number",
    "boolean": "write 'true' or 'false'",
}


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    if kind in ("integer", "boolean"):
        return re.compile(r"\d+" if kind == "integer" else "true|false")
    name, options, counts = _taken_apart(kind)
    if name == "enum":
        return re.compile("|".join(re.escape(option) for option in options))
    sign = "-?" if name == "unitWithNegative" else ""
    units = "|".join(re.escape(unit) for unit in options if unit != "auto")
    size = rf"(?:{sign}(?:\d+\.?\d*|\.\d+)(?:{units})|0{'|auto' if 'auto' in options else ''})"
    least, _, most = counts.partition(",")
    return re.compile(rf"{size}(?: {size}){{{int(least) - 1},{int(most or least) - 1}}}")


def _taken_apart(kind: str) -> tuple[str, list[str], str]:
    match = _KIND.fullmatch(kind)
    assert match is not None, kind
    return match[1], (match[2] or "").split(","), match[3] or "1"
