"""A letter's folder to a Letter: every article and series, in the order of their names."""

import os
from collections.abc import Mapping
from pathlib import Path

from newsletter.content.articles import parse_article
from newsletter.content.series_files import parse_series
from newsletter.domain.letter import Letter
from newsletter.domain.slugs import is_slug, slugify
from newsletter.errors import LetterError, Place

ARTICLES = Path("content", "articles")
SERIES = Path("content", "series")


def load_letter(root: Path) -> Letter:
    """Read all that editors wrote; a folder that does not exist holds nothing.

    Raises LetterError for the first file that cannot be used.
    """
    articles = {
        path.stem: parse_article(read_text(root, path), slug=path.stem, file=name_in(root, path))
        for path in _files(root, ARTICLES, ".md")
    }
    series = {
        path.stem: parse_series(read_text(root, path), slug=path.stem, file=name_in(root, path))
        for path in _files(root, SERIES, ".toml")
    }
    return Letter(articles, series)


def articles_in(root: Path) -> list[str]:
    """List the slugs of a letter's articles without reading them."""
    return [path.stem for path in _files(root, ARTICLES, ".md")]


def article_file(root: Path, slug: str) -> Path:
    """Return where an article of this slug stands, whether it exists or not."""
    return root / ARTICLES / f"{slug}.md"


def series_file(root: Path, slug: str) -> Path:
    """Return where a series of this slug stands, whether it exists or not."""
    return root / SERIES / f"{slug}.toml"


def name_in(root: Path, path: Path) -> str:
    """Name a file as places do: relative to the letter's folder, with slashes."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def read_text(root: Path, path: Path) -> str:
    """Read a file of the letter as UTF-8, its line ends as they are.

    Raises LetterError that names the line and byte which are no UTF-8, or why the file cannot be read.
    """
    file = name_in(root, path)
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise LetterError(f"the file cannot be read: {cause.strerror}", place=Place(file)) from cause
    try:
        return data.decode()
    except UnicodeDecodeError as cause:
        line = data[: cause.start].count(b"\n") + 1
        raise LetterError(
            f"byte {cause.start + 1} of the file is not UTF-8",
            place=Place(file, line),
            mend="save the file as UTF-8",
        ) from cause


def write_texts(root: Path, texts: Mapping[Path, str]) -> None:
    """Write files of the letter: all are on the disk before the first takes its place.

    Raises LetterError where a folder cannot be written, and leaves no file half-written.
    """
    ready: dict[Path, Path] = {}
    path = root
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            target = path.resolve()
            ready[target] = target.with_name(f".{target.name}.{os.getpid()}.new")
            _write_through(ready[target], text.encode())
            if target.exists():
                ready[target].chmod(target.stat().st_mode & 0o777)
        for path, temporary in ready.items():
            temporary.replace(path)
    except OSError as cause:
        for temporary in ready.values():
            temporary.unlink(missing_ok=True)
        if root.is_file():
            raise LetterError(f"{root} cannot be written into: it is a file", mend="name a folder") from cause
        raise LetterError(
            f"the file cannot be written: {cause.strerror}", place=Place(name_in(root, path))
        ) from cause


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _files(root: Path, folder: Path, suffix: str) -> list[Path]:
    try:
        found = sorted(path for path in (root / folder).iterdir() if path.suffix == suffix)
    except FileNotFoundError:
        return []
    except OSError as cause:
        message = f"the folder cannot be read: {cause.strerror}"
        raise LetterError(message, place=Place(folder.as_posix())) from cause
    files = [path for path in found if not path.name.startswith(".") and not path.is_dir()]
    for path in files:
        if not is_slug(path.stem):
            raise LetterError(
                f"the file name {path.name!r} cannot be used in addresses and commands",
                place=Place(name_in(root, path)),
                mend=f"rename it to {slugify(path.stem, fallback='article')}{suffix}",
            )
    return files
