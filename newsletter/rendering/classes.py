"""The names that templates give to sets of values: whether each exists, only the whole can tell."""

from dataclasses import dataclass, field

from newsletter.domain.slugs import offer
from newsletter.errors import Place, TemplateError
from newsletter.rendering.tags import Tag
from newsletter.rendering.tokens import holds_content


@dataclass
class Classes:
    """Gather every mj-class that is defined and used; they may be used before they are defined."""

    defined: set[str] = field(default_factory=set)
    used: list[tuple[str, Place]] = field(default_factory=list)

    def note(self, tag: Tag, parent: str, place: Place) -> None:
        """Take one element into account."""
        attributes = dict(tag.attributes)
        if tag.name == "mj-class" and parent == "mj-attributes":
            self.defined.add(attributes.get("name", ""))
        written = attributes.get("mj-class", "") if tag.name.startswith("mj-") else ""
        if not holds_content(written):
            self.used += [(name, place) for name in written.split()]

    def check(self) -> None:
        """Raise TemplateError for the first class that nobody defines."""
        for name, place in self.used:
            if name not in self.defined:
                mend = offer(name, sorted(self.defined))
                raise TemplateError(f"there is no mj-class {name!r}", place=place, mend=mend)
