"""The tags of MJML one by one, with where they stand: enough to say what is wrong with them, and no tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
_SCAN = re.compile(
    r"<!--.*?-->|<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9_:.-]*)(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>|<",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:.-]*)\s*=\s*(\"[^\"]*\"|'[^']*')")
_STYLE_END = re.compile(r"</mj-style\s*>")


@dataclass(frozen=True)
class Tag:
    """A tag from `offset` to `end`; one without a name is a `<` that opens nothing that can be read."""

    name: str
    rest: str
    offset: int
    end: int
    is_end: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing can stand in it."""
        return self.rest.endswith("/") or (self.name in VOID and not self.is_end)

    @cached_property
    def attributes(self) -> tuple[tuple[str, str], ...]:
        """Return names and values as they are written, without their quotes."""
        return tuple((name, value[1:-1]) for name, value in _ATTRIBUTE.findall(self.rest))

    @property
    def unread(self) -> str:
        """Return what is neither a name with a value in quotes nor the end."""
        return _ATTRIBUTE.sub("", self.rest).strip(" \t\n/")


def tags_of(mjml: str) -> Iterator[Tag]:
    """Find every tag; comments and what stands in mj-style hold none."""
    position = 0
    while match := _SCAN.search(mjml, position):
        position = match.end()
        if match.group().startswith("<!--"):
            continue
        name, is_end = match["name"] or "", bool(match["end"])
        yield Tag(name, (match["rest"] or "").rstrip(), match.start(), position, is_end)
        if name == "mj-style" and not is_end and (end := _STYLE_END.search(mjml, position)):
            position = end.start()
