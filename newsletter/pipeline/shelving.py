"""The templates a letter may replace."""

from dataclasses import dataclass
from pathlib import Path

from newsletter.content.letters import write_texts
from newsletter.domain.slugs import offer
from newsletter.errors import Refused, UnknownTarget


@dataclass(frozen=True)
class TemplateName:
    """A template, and whether the letter has its own."""

    name: str
    is_own: bool


@dataclass(frozen=True)
class TemplateShelf:
    """The shipped templates, and those of a letter that replace them."""

    own: Path
    shipped: Path

    def every(self) -> list[TemplateName]:
        """List all templates by name."""
        names = {
            path.relative_to(folder).as_posix()
            for folder in (self.own, self.shipped)
            for path in folder.rglob("*")
            if path.is_file()
        }
        is_sample = self.own.resolve() == self.shipped.resolve()
        return [TemplateName(name, not is_sample and (self.own / name).exists()) for name in sorted(names)]

    def copy(self, name: str) -> Path:
        """Copy a shipped template into the letter.

        Raises Refused where the letter has its own already.
        """
        names = [one.name for one in self.every()]
        if name not in names or not (self.shipped / name).is_file():
            raise UnknownTarget(f"no template is called {name!r}", mend=offer(name, names))
        target = self.own / name
        if target.exists():
            raise Refused(f"{target} exists already", mend="edit it, or remove it to use the shipped one")
        write_texts(self.own.parent, {target: (self.shipped / name).read_text(encoding="utf-8")})
        return target
