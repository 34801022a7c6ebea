"""The templates of a letter: its own files stand in the place of the shipped ones, one by one.

A layout is a set of files whose names begin with its own: `letter.button.mjml.j2` stands for
`button.mjml.j2` in the layout `letter`, which takes from `default` whatever it does not have.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from newsletter.errors import Place, TemplateError

#: How places name the folder, whichever root a file came from.
FOLDER = "templates/email"
THEME = "theme.toml"
#: The layout whose files have no name before their own.
DEFAULT = "default"
_LAYOUT = ".layout.mjml.j2"
_ENDINGS = (".mjml.j2", ".txt.j2", ".css.j2", ".toml")


@dataclass(frozen=True)
class Source:
    """A template's text, and the name of the file that it comes from."""

    name: str
    text: str


@dataclass(frozen=True)
class Sources:
    """What was read: every file's text by name, and both themes, which are laid over one another."""

    texts: Mapping[str, str]
    shipped_theme: str
    own_theme: str | None

    @property
    def layouts(self) -> list[str]:
        """List the layouts by name."""
        own = [name.removesuffix(_LAYOUT) for name in self.texts if name.endswith(_LAYOUT)]
        return [DEFAULT, *sorted(own)]

    def of(self, layout: str) -> Mapping[str, Source]:
        """Return the templates of a layout; `default.` before a name means the file that it stands for."""
        found = {name: Source(name, text) for name, text in self.texts.items()}
        found |= {f"{DEFAULT}.{name}": source for name, source in found.items()}
        own = {name: source for name, source in found.items() if name.startswith(f"{layout}.")}
        return found | {name.removeprefix(f"{layout}."): source for name, source in own.items()}

    def digest(self) -> str:
        """Name what was read; the folder that it came from plays no part."""
        digest = hashlib.sha256()
        for name, text in sorted({**self.texts, "shipped " + THEME: self.shipped_theme}.items()):
            digest.update(f"{name}\0{len(text)}\0{text}\0".encode())
        return digest.hexdigest()


class Shelf:
    """The two folders that templates are read from, a letter's own before the shipped one."""

    def __init__(self, own: Path | None, shipped: Path) -> None:
        self._own = own
        self._shipped = shipped

    def stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Tell one state of the folders from another without reading a file."""
        stamps = []
        for folder in (self._shipped, self._own):
            for path in _files(folder):
                known = path.stat()
                stamps.append((str(path), known.st_mtime_ns, known.st_size))
        return tuple(stamps)

    def read(self) -> Sources:
        """Read every template; raises TemplateError for one that cannot be read as UTF-8."""
        shipped = {path.name: _text(path) for path in _files(self._shipped)}
        own = {path.name: _text(path) for path in _files(self._own)}
        if THEME not in shipped:
            raise TemplateError("the shipped theme is missing", place=Place(f"{FOLDER}/{THEME}"))
        return Sources({**shipped, **own}, shipped[THEME], own.get(THEME))


def place_of(name: str, line: int = 0) -> Place:
    """Name a line of a template as an editor finds it."""
    return Place(f"{FOLDER}/{name}", line)


def _files(folder: Path | None) -> Iterator[Path]:
    if folder is None or not folder.is_dir():
        return
    yield from sorted(path for path in folder.iterdir() if path.name.endswith(_ENDINGS) and path.is_file())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"the template cannot be read: {error}", place=place_of(path.name)) from error
