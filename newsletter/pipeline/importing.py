"""Import a text into the letter: read it, show what would be written, write it."""

from dataclasses import dataclass
from datetime import date
from difflib import unified_diff
from pathlib import Path

from newsletter.content.articles import parse_article
from newsletter.content.importing import article_text, read_source
from newsletter.content.letters import article_file, name_in, read_text, write_texts
from newsletter.domain.outline import LeftOut, Note
from newsletter.domain.slugs import is_slug, slugify
from newsletter.errors import Place, Refused


@dataclass(frozen=True)
class Import:
    """An article to be written; `difference` is a unified diff where another one stands there already."""

    slug: str
    title: str
    text: str
    path: Path
    guesses: tuple[Note, ...]
    left_out: tuple[LeftOut, ...]
    possible_sections: tuple[int, ...]
    difference: str


@dataclass(frozen=True)
class Importing:
    """Import texts into a letter."""

    root: Path

    def read(self, file: Path, *, slug: str | None, today: date) -> Import:
        """Read a file as an article; writes nothing.

        Raises Refused for a file that cannot be used, LetterError for one that makes no article.
        """
        try:
            data = file.read_bytes()
        except OSError as cause:
            raise Refused(f"the file cannot be read: {cause.strerror}", place=Place(str(file))) from cause
        imported = read_source(data, name=file.name)
        chosen = slug or imported.slug
        if not is_slug(chosen):
            raise Refused(
                f"the name {chosen!r} cannot be used for an article",
                mend=f"write --slug {slugify(chosen, fallback='article')}",
            )
        path = article_file(self.root, chosen)
        text = article_text(imported, today)
        parse_article(text, slug=chosen, file=name_in(self.root, path))
        before = read_text(self.root, path) if path.exists() else None
        return Import(
            slug=chosen,
            title=imported.title,
            text=text,
            path=path,
            guesses=imported.guesses,
            left_out=imported.left_out,
            possible_sections=imported.possible_sections,
            difference=_difference(before, text, name_in(self.root, path)),
        )

    def write(self, imported: Import) -> tuple[Path, Path | None]:
        """Write the article, and the lines left out beside the letter; return both files."""
        texts = {imported.path: imported.text}
        left_out = self.root / ".newsletter" / "import" / f"{imported.slug}.txt"
        if imported.left_out:
            texts[left_out] = "".join(f"{one.line}\t{one.text}\t({one.why})\n" for one in imported.left_out)
        write_texts(self.root, texts)
        return imported.path, left_out if imported.left_out else None


def _difference(before: str | None, after: str, name: str) -> str:
    if before is None or before == after:
        return ""
    lines = unified_diff(
        before.splitlines(), after.splitlines(), f"{name} (now)", f"{name} (imported)", lineterm=""
    )
    return "\n".join(lines)
