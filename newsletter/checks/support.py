"""Does every client show what a letter's own templates write: by the tests of caniemail.com, with their date.

What this program ships is not looked at: its tests are its own. Nor is what MJML makes of it, for MJML
writes the ways round Outlook itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from newsletter.checks.caniemail import Feature, features, keys_of
from newsletter.checks.rules import Rule, info, warning
from newsletter.domain.finding import Finding
from newsletter.errors import Place

LOST = warning(
    "style-unsupported",
    "CSS-1",
    "a template of the letter uses what no client of Apple Mail, Gmail or Outlook shows, with no fallback",
    "everybody who reads with it gets the mail without that",
    "declare before it what they shall get instead, or do without",
    "www.caniemail.com",
)
SOMEWHERE = info(
    "style-unsupported-somewhere",
    "CSS-1",
    "a template of the letter uses what some of their clients show in part or not, or mere decoration",
    "the mail looks otherwise there",
    "let nothing that matters depend on it",
    "www.caniemail.com",
)

#: Rules of their own look for these, in the mail itself.
_ELSEWHERE = re.compile(
    r"css-(?:at-font-face|at-import|background-image|comments|display-(?:flex|grid)|float|gap|list-style-image"
    r"|position|rgba?|variables)|html-(?:audio|form|link|object|svg|video)"
)
#: Without these a mail is plainer, and says the same.
_DECORATION = re.compile(
    r"css-(?:animation|backdrop-filter|border-radius.*|box-shadow|color-scheme|cursor|filter|font-(?:kerning|stretch)"
    r"|hyphen.*|letter-spacing|outline.*|opacity|orphans|overflow-wrap|pseudo-.*|text-(?:decoration-.+|emphasis.*"
    r"|shadow|underline-.*|wrap)|transition|user-select|widows|word-(?:break|spacing|wrap))"
)
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SHEET = re.compile(r"<(?:mj-)?style\b[^>]*>(.*?)</(?:mj-)?style>", re.DOTALL | re.IGNORECASE)
_INLINE = re.compile(r"\sstyle\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_ELEMENT = re.compile(r"<([a-z][a-z0-9]*)\b", re.IGNORECASE)
_TOML = re.compile(r"^\s*[\w-]+\s*=\s*(?:\"([^\"\n]*)\"|'([^'\n]*)')", re.MULTILINE)
_TOKEN = re.compile(r"@([\w-]+)([^{};]*)|(\{)|(\})|([\w-]+)\s*:\s*([^{};]+)(?=[;}]|\Z)|([^{};@]+)(?=\{)")


@dataclass(frozen=True)
class _Use:
    """Something that a template uses, where, and whether something stands in for it."""

    key: str
    offset: int
    has_fallback: bool = False


def check_support(
    own: Mapping[str, str], shipped: Mapping[str, str], folder: str, target: str
) -> list[Finding]:
    """Check a letter's own templates by their names; each thing is told once, where it is first used.

    What the shipped templates use as well is told only where nothing stands in for it.
    """
    usual = {use.key for name, text in shipped.items() for use in _uses(name, text)} if own else set()
    told: dict[tuple[str, str], Finding] = {}
    for name, text in sorted(own.items()):
        for use in _uses(name, text):
            feature = features().get(use.key)
            if feature is None or _ELSEWHERE.fullmatch(feature.slug):
                continue
            rule = _weigh(feature, has_fallback=use.has_fallback)
            if rule is LOST or use.key not in usual:
                place = Place(f"{folder}/{name}", text.count("\n", 0, use.offset) + 1)
                found = replace(rule, source=feature.source).found(place, _what(feature), target=target)
                told.setdefault((feature.slug, rule.name), found)
    lost = {slug for slug, rule in told if rule == LOST.name}
    return [one for (slug, rule), one in told.items() if rule == LOST.name or slug not in lost]


def _weigh(feature: Feature, *, has_fallback: bool) -> Rule:
    if feature.lost and not has_fallback and not _DECORATION.fullmatch(feature.slug):
        return LOST
    return SOMEWHERE


def _what(feature: Feature) -> str:
    single = [one for one in feature.missing if not (feature.lost and one.startswith(feature.lost))]
    said = []
    if feature.missing:
        said.append("not shown by " + ", ".join([*feature.lost, *single]))
    elif feature.partly:
        client, note = feature.partly[0]
        said.append(f"shown in part by {client}: {_short(note)}")
    return f"{feature.title} is {''.join(said)} (tested {feature.tested})"


def _short(note: str) -> str:
    return " ".join(note.removeprefix("Partial.").split())[:120] or "see its page"


def _uses(name: str, text: str) -> Iterator[_Use]:
    # Blanks keep every offset, and with it the lines.
    bare = _JINJA.sub(
        lambda match: _blank(match.group(), "x" if match.group().startswith("{{") else " "), text
    )
    if name.endswith(".css.j2"):
        yield from _in_css(bare, 0, is_inlined=name.startswith("inline."))
    elif name.endswith(".toml"):
        for match in _TOML.finditer(text):
            at = 1 if match.group(1) is not None else 2
            yield from (_Use(key, match.start(at)) for key in keys_of("", match.group(at)))
    elif name.endswith(".mjml.j2"):
        for match in _SHEET.finditer(bare):
            yield from _in_css(match.group(1), match.start(1))
        for match in _INLINE.finditer(bare):
            at = 1 if match.group(1) is not None else 2
            yield from _in_css(match.group(at), match.start(at))
        for match in _ELEMENT.finditer(bare):
            yield _Use(f"element {match.group(1).lower()}", match.start())


def _in_css(css: str, start: int, *, is_inlined: bool = False) -> Iterator[_Use]:
    css = _COMMENT.sub(lambda match: _blank(match.group(), " "), css)
    blocks: list[set[str]] = [set()]
    conditions: list[bool] = [False]
    is_condition = False
    for match in _TOKEN.finditer(css):
        at_rule, asked, opens, closes, name, value, selector = match.groups()
        offset = start + match.start()
        if at_rule:
            is_condition = True
            yield _Use(f"at {at_rule.lower()}", offset, has_fallback=True)
            for feature in re.findall(r"\(\s*([\w-]+)", asked):
                yield _Use(f"media {feature.lower()}", offset, has_fallback=True)
        elif opens:
            blocks.append(set())
            conditions.append(conditions[-1] or is_condition)
            is_condition = False
        elif closes and len(blocks) > 1:
            blocks.pop()
            conditions.pop()
        elif name:
            has_fallback = conditions[-1] or name.lower() in blocks[-1]
            blocks[-1].add(name.lower())
            yield from (_Use(key, offset, has_fallback) for key in keys_of(name, value))
        elif selector and not is_inlined:
            for pseudo in re.findall(r"::?([a-z-]+)", selector.lower()):
                yield _Use(f"pseudo {pseudo}", offset, has_fallback=True)


def _blank(text: str, filler: str) -> str:
    return re.sub(r"[^\n]", filler, text)
