"""Import a text into the letter: read it, show what would be written, write it."""

import re
from dataclasses import dataclass
from datetime import date
from difflib import unified_diff
from pathlib import Path

from newsletter.content.articles import parse_article
from newsletter.content.importing import MAX_BYTES, article_text, read_source
from newsletter.content.letters import article_file, name_in, read_text, write_texts
from newsletter.content.pinning import pin_ids
from newsletter.domain.article import Article
from newsletter.domain.outline import LeftOut, Note
from newsletter.domain.slugs import is_slug, slugify
from newsletter.errors import LetterError, Place, Refused

#: A path has lost one of the slashes of a URL.
_WEB = re.compile(r"https?:/", re.IGNORECASE)
_PINNED = re.compile(r"^#{1,6} .*\{#[a-z0-9-]+\}$", re.MULTILINE)


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
        if _WEB.match(str(file)):
            raise Refused("a web page is not fetched", mend="save it as HTML, and import that file")
        try:
            with file.open("rb") as source:
                data = source.read(MAX_BYTES + 1)
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
        name = name_in(self.root, path)
        before = read_text(self.root, path) if path.exists() else None
        text = article_text(imported, today)
        try:
            article = parse_article(text, slug=chosen, file=name)
        except LetterError as error:
            # There is no such article yet: who is to mend it looks into the text that it comes from.
            place = _place_in(file, data, error.place, text)
            raise LetterError(error.message, place=place, mend=error.mend) from error
        if before is not None:
            text = _as_it_stands(before, article_text(imported, _updated(before) or today), text, article)
        return Import(
            slug=chosen,
            title=imported.title,
            text=text,
            path=path,
            guesses=imported.guesses,
            left_out=imported.left_out,
            possible_sections=imported.possible_sections,
            difference=_difference(before, text, name),
        )

    def write(self, imported: Import) -> tuple[Path, Path | None]:
        """Write the article, and the lines left out beside the letter; return both files.

        What stands there already is left alone.
        """
        texts = {imported.path: imported.text}
        left_out = self.root / ".newsletter" / "import" / f"{imported.slug}.txt"
        if imported.left_out:
            texts[left_out] = "".join(f"{one.line}\t{one.text}\t({one.why})\n" for one in imported.left_out)
        changed = {path: text for path, text in texts.items() if not _stands(path, text)}
        write_texts(self.root, changed)
        return imported.path, left_out if imported.left_out else None


def _stands(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _updated(text: str) -> date | None:
    found = re.search(r"^updated: (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    try:
        return date.fromisoformat(found.group(1)) if found else None
    except ValueError:
        return None


def _as_it_stands(before: str, same_day: str, text: str, article: Article) -> str:
    """Keep an article that only the date or pinned ids tell from its import, and pin them as it does."""
    if before in (same_day, pin_ids(same_day, article)):
        return before
    return pin_ids(text, article) if _PINNED.search(before) else text


def _place_in(file: Path, data: bytes, place: Place | None, text: str) -> Place:
    """Find the line of the source that a line of the article was; only the file where none is like it."""
    if place is None or not place.line:
        return Place(str(file))
    said = text.split("\n")[place.line - 1].strip()
    lines = enumerate(data.decode(errors="replace").splitlines(), 1)
    return Place(str(file), next((number for number, line in lines if line.strip() == said), 0))


def _difference(before: str | None, after: str, name: str) -> str:
    if before is None or before == after:
        return ""
    lines = unified_diff(
        before.splitlines(), after.splitlines(), f"{name} (now)", f"{name} (imported)", lineterm=""
    )
    return "\n".join(lines)
