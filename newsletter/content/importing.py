"""Read what an editor pasted or saved, and write it as an article.

Plain text goes through `domain.outline`, HTML becomes Markdown first, Markdown is kept.
"""

import re
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import PurePath

import yaml
from frontmatter.default_handlers import YAMLHandler

from newsletter.content.importing_html import html_to_markdown
from newsletter.domain.article import INTRODUCTION
from newsletter.domain.outline import Kind, LeftOut, Note, Outline, Part, outline
from newsletter.domain.slugs import slugify
from newsletter.errors import Refused

MAX_BYTES = 5_000_000
MAX_DESCRIPTION = 160
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_BINARY = (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
_KINDS = {".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html"}
_REFUSED = {".docx", ".doc", ".odt", ".rtf", ".pdf", ".pages"}
_LOOKS_HTML = re.compile(r"\s*(?:<!doctype html|<html|<body|<article|<main|<h1)\b", re.IGNORECASE)
_H1 = re.compile(r"^# +(.+?)(?: +#+)? *$", re.MULTILINE)
_HEADING = re.compile(r"#{1,6} +(.+?)(?: *\{#([a-z0-9-]+)\})? *")
_SENTENCE = re.compile(r".+?[.!?](?=\s|$)")
_MARKUP = re.compile(r"([\\`*_\[\]<>])")
_BLOCK_START = re.compile(r"^(#{1,6}(?=\s|$)|[-+](?=\s|$)|=+$|-+$|~{3,}|\d{1,9}(?=[.)](?:\s|$)))")
_STEP_LABEL = re.compile(r"([A-Z][^.:!?]{0,40}): (?=\S)")


@dataclass(frozen=True)
class Imported:
    """An article made of a source, with what was guessed and what was left out."""

    slug: str
    title: str
    description: str
    body: str
    guesses: tuple[Note, ...]
    left_out: tuple[LeftOut, ...]
    possible_sections: tuple[int, ...]


def read_source(data: bytes, *, name: str) -> Imported:
    """Turn the bytes of a file into an article.

    Raises Refused for what is no text, empty, or over 5 MB.
    """
    path = PurePath(name)
    text, notes = _decode(data, path)
    kind = _KINDS.get(path.suffix.lower(), "html" if _LOOKS_HTML.match(text) else "text")
    if kind == "html":
        markdown, left_out = html_to_markdown(text)
        return _from_markdown(markdown, path, notes, left_out)
    if kind == "markdown":
        return _from_markdown(text, path, notes, ())
    return _from_outline(outline(text), path, notes)


def article_text(imported: Imported, updated: date) -> str:
    """Write the article as its file will hold it."""
    head = {"title": imported.title, "description": imported.description, "updated": updated}
    front = yaml.safe_dump(
        {key: value for key, value in head.items() if value},
        allow_unicode=True,
        sort_keys=False,
        width=10_000,
    )
    return f"---\n{front}---\n\n{_with_unique_ids(imported.body.strip())}\n"


def _with_unique_ids(body: str) -> str:
    """Pin an id at each heading whose own one is taken: pasted texts say "Conclusion" twice."""
    lines = body.split("\n")
    taken = set() if lines[0].startswith("#") else {INTRODUCTION}
    is_code = False
    for at, line in enumerate(lines):
        is_code ^= line.startswith(("```", "~~~"))
        heading = _HEADING.fullmatch(line)
        if heading is None or is_code:
            continue
        pinned = heading.group(2)
        own = pinned or slugify(_plain(heading.group(1)))
        unique = next(name for n in count(1) if (name := own if n == 1 else f"{own}-{n}") not in taken)
        taken.add(unique)
        if unique != own:
            lines[at] = f"{line[: heading.end(1)]} {{#{unique}}}"
    return "\n".join(lines)


def _decode(data: bytes, path: PurePath) -> tuple[str, tuple[Note, ...]]:
    if path.suffix.lower() in _REFUSED:
        raise Refused(
            f"{path.name} is a {path.suffix[1:]} file", mend="save it as plain text, Markdown or HTML"
        )
    if len(data) > MAX_BYTES:
        raise Refused(f"{path.name} is over 5 MB", mend="cut it into articles")
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    notes: tuple[Note, ...] = ()
    if data.startswith(_BINARY) or (encoding != "utf-16" and b"\0" in data):
        raise Refused(f"{path.name} is not text", mend="save it as plain text, Markdown or HTML")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
        notes = (Note(1, "the encoding: Windows-1252"),)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise Refused(f"{path.name} is empty", mend="paste the article into it")
    return text, notes


def _from_outline(found: Outline, path: PurePath, notes: tuple[Note, ...]) -> Imported:
    if not found.title:
        raise Refused(f"{path.name} has no article in it", mend="paste the article into it")
    body = "\n\n".join(_block(part) for part in found.parts)
    paragraphs = [part.text for part in found.parts if part.kind is Kind.PARAGRAPH]
    return Imported(
        slug=slugify(path.stem, fallback="article"),
        title=found.title.replace("\t", " "),
        description=_first_sentence(paragraphs[0] if paragraphs else ""),
        body=body,
        guesses=(*notes, *found.guesses),
        left_out=found.left_out,
        possible_sections=found.possible_sections,
    )


def _from_markdown(
    text: str, path: PurePath, notes: tuple[Note, ...], left_out: tuple[LeftOut, ...]
) -> Imported:
    front, body, dropped = _front_matter(text)
    title, description = str(front.get("title") or ""), str(front.get("description") or "")
    found = _H1.search(body)
    if found and (not title or title == found.group(1)):
        title = _plain(found.group(1))
        body = body[: found.start()] + body[found.end() :]
        notes = (*notes, Note(text[: text.find(found.group(0))].count("\n") + 1, f"the title: {title}"))
    prose = [line for line in body.split("\n") if line[:1].isalpha()]
    return Imported(
        slug=slugify(path.stem, fallback="article"),
        title=title or path.stem.replace("-", " ").capitalize(),
        description=description or _first_sentence(prose[0] if prose else ""),
        body=body,
        guesses=notes,
        left_out=(*left_out, *dropped),
        possible_sections=(),
    )


def _front_matter(text: str) -> tuple[dict[str, object], str, tuple[LeftOut, ...]]:
    """Part a Markdown text; keys that an article has no use for are left out."""
    handler = YAMLHandler()
    if not handler.detect(text):
        return {}, text, ()
    try:
        source, body = handler.split(text)
        front = yaml.safe_load(source)
    except (ValueError, yaml.YAMLError):
        return {}, text, ()
    if not isinstance(front, dict):
        return {}, text, ()
    dropped = tuple(
        LeftOut(number, line, "front matter")
        for number, line in enumerate(source.strip().split("\n"), 2)
        if not line.startswith(("title:", "description:"))
    )
    return front, body, dropped


def _block(part: Part) -> str:
    match part.kind:
        case Kind.HEADING:
            return f"{'#' * part.level} {_escape(part.text)}"
        case Kind.TABLE:
            rows = [" | ".join(_cell(cell) for cell in row) for row in part.rows]
            rule = " | ".join("---" for _ in part.rows[0])
            return "\n".join(f"| {row} |" for row in (rows[0], rule, *rows[1:]))
        case Kind.STEPS:
            return "\n".join(f"{number}. {_step(row[0])}" for number, row in enumerate(part.rows, 1))
        case Kind.BULLETS:
            return "\n".join(f"- {_escape(row[0])}" for row in part.rows)
        case Kind.PARAGRAPH:
            return "\n".join(_line(row[0]) for row in part.rows)


def _step(text: str) -> str:
    label = _STEP_LABEL.match(text)
    return f"**{_escape(label.group(1))}:** {_escape(text[label.end() :])}" if label else _line(text)


def _cell(text: str) -> str:
    return _escape(text).replace("|", "\\|")


def _line(text: str) -> str:
    """Escape a line of text, so that nothing at its start begins a block."""
    return _BLOCK_START.sub(
        lambda found: f"{found.group(1)}\\" if found.group(1).isdigit() else f"\\{found.group(1)}",
        _escape(text.replace("\t", " ")),
    )


def _escape(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text).replace("&", "&amp;")


def _first_sentence(text: str) -> str:
    plain = _plain(text)
    found = _SENTENCE.match(plain)
    sentence = found.group(0) if found else plain
    if len(sentence) <= MAX_DESCRIPTION:
        return sentence
    return f"{sentence[: MAX_DESCRIPTION - 1].rsplit(' ', 1)[0]}…"


def _plain(markdown: str) -> str:
    """Read a line of Markdown without its marks."""
    unlinked = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"\\(.)|[*_`]", lambda found: found.group(1) or "", unlinked).replace("&amp;", "&")
