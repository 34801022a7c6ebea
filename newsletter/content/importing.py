"""Read what an editor pasted or saved, and write it as an article.

Plain text goes through `domain.outline`, HTML becomes Markdown first, Markdown is kept.
"""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath

import yaml
from frontmatter.default_handlers import YAMLHandler

from newsletter.content.importing_html import html_to_markdown
from newsletter.content.importing_markdown import plain, with_unique_ids, write_parts
from newsletter.domain.outline import Kind, LeftOut, Note, Outline, outline
from newsletter.domain.slugs import slugify
from newsletter.errors import Place, Refused

MAX_BYTES = 5_000_000
MAX_DESCRIPTION = 160
_BOMS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_BINARY = (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"{\\rtf")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_KINDS = {".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".xhtml": "html"}
_REFUSED = {".docx", ".doc", ".odt", ".rtf", ".pdf", ".pages"}
_LOOKS_HTML = re.compile(
    r"\s*(?:<!--.*?-->\s*)*(?:<!doctype html|<html|<body|<article|<main|<h1)\b", re.I | re.S
)
_LOOKS_MARKDOWN = re.compile(r"\s*(?:# \S|---\n(?:.*\n)*?title:.*\n(?:.*\n)*?---\n)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_H1 = re.compile(r" {0,3}# +(.+?)(?: +#+)? *")
_UNDERLINE = re.compile(r" {0,3}=+ *")
_PIN = re.compile(r"\s*\{#[^{}]*\}$")
_SENTENCE = re.compile(
    r"(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bSt)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)[.!?][”\"’)]*(?=\s|$)"
)
_KEYS = {"title": str, "description": str, "updated": date, "sources": list, "tags": list}


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
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def read_source(data: bytes, *, name: str) -> Imported:
    """Turn the bytes of a file into an article.

    Raises Refused for what is no text, empty, or over 5 MB.
    """
    path = PurePath(name)
    text, notes = _decode(data, path)
    kind = _KINDS.get(path.suffix.lower()) or _kind(text)
    if kind == "html":
        markdown, left_out = html_to_markdown(text)
        if not markdown.strip():
            raise Refused(f"{path.name} has no article in it", mend="paste the article into it")
        named = re.search(r"<(?:h1|title)\b", text, re.IGNORECASE)
        line = text.count("\n", 0, named.start()) + 1 if named else 1
        return _from_markdown(markdown, path, notes, left_out, title_line=line)
    if kind == "markdown":
        return _from_markdown(text, path, notes, ())
    return _from_outline(outline(text), path, notes)


def article_text(imported: Imported, updated: date) -> str:
    """Write the article as its file will hold it."""
    head = {
        "title": imported.title,
        "description": imported.description,
        "updated": updated,
        "sources": list(imported.sources),
        "tags": list(imported.tags),
    }
    front = yaml.safe_dump(
        {key: value for key, value in head.items() if value},
        allow_unicode=True,
        sort_keys=False,
        width=10_000,
    )
    return f"---\n{front}---\n\n{with_unique_ids(imported.body.strip())}\n"


def _decode(data: bytes, path: PurePath) -> tuple[str, tuple[Note, ...]]:
    if path.suffix.lower() in _REFUSED:
        raise Refused(
            f"{path.name} is a {path.suffix[1:]} file", mend="save it as plain text, Markdown or HTML"
        )
    if len(data) > MAX_BYTES:
        raise Refused(f"{path.name} is over 5 MB", mend="cut it into articles")
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    notes: tuple[Note, ...] = ()
    not_text = Refused(f"{path.name} is not text", mend="save it as plain text, Markdown or HTML")
    if data.startswith(_BINARY):
        raise not_text
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as cause:
        if encoding.startswith(("utf-16", "utf-32")):
            raise not_text from cause
        text = data.decode("cp1252", "replace")
        notes = (Note(1, "the encoding: Windows-1252"),)
    if "\0" in text or len(_CONTROLS.findall(text)) > len(text) // 100:
        raise not_text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise Refused(f"{path.name} is empty", mend="paste the article into it")
    return text, notes


def _kind(text: str) -> str:
    if _LOOKS_HTML.match(text):
        return "html"
    return "markdown" if _LOOKS_MARKDOWN.match(text) else "text"


def _from_outline(found: Outline, path: PurePath, notes: tuple[Note, ...]) -> Imported:
    if not found.title:
        raise Refused(f"{path.name} has no article in it", mend="paste the article into it")
    paragraphs = [part.text for part in found.parts if part.kind is Kind.PARAGRAPH]
    return Imported(
        slug=slugify(path.stem, fallback="article"),
        title=found.title.replace("\t", " "),
        description=_first_sentence(paragraphs[0] if paragraphs else ""),
        body=write_parts(found.parts),
        guesses=(*notes, *found.guesses),
        left_out=found.left_out,
        possible_sections=found.possible_sections,
    )


def _from_markdown(
    text: str,
    path: PurePath,
    notes: tuple[Note, ...],
    left_out: tuple[LeftOut, ...],
    *,
    title_line: int = 0,
) -> Imported:
    front, body, dropped = _front_matter(text, path)
    title, description = str(front.get("title") or "").strip(), str(front.get("description") or "").strip()
    above = text.count("\n") - body.count("\n")
    named, body, line = _without_h1(body, title)
    if named:
        title = title or named
        notes = (*notes, Note(title_line or above + line, f"the title: {title}"))
    if not title:
        title = path.stem.replace("-", " ").replace("_", " ").strip().capitalize() or "Article"
        notes = (*notes, Note(1, f"the title, from the file's name: {title}"))
    prose = next((line for line in body.split("\n") if re.match(r"[*_\[“\"]*\w", line)), "")
    return Imported(
        slug=slugify(path.stem, fallback="article"),
        title=title,
        description=description or _first_sentence(plain(prose)),
        body=body,
        guesses=notes,
        left_out=(*left_out, *dropped),
        possible_sections=(),
        sources=_texts(front.get("sources")),
        tags=_texts(front.get("tags")),
    )


def _without_h1(body: str, title: str) -> tuple[str, str, int]:
    """Take out the first heading of the first level where it is the title: its text, the rest, its line."""
    lines = body.split("\n")
    fence = ""
    for at, line in enumerate(lines):
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        found = None if fence else _H1.fullmatch(line)
        is_underlined = (
            not fence and bool(line.strip()) and bool(_UNDERLINE.fullmatch("".join(lines[at + 1 : at + 2])))
        )
        if found is None and not (is_underlined and (not at or not lines[at - 1].strip())):
            continue
        name = plain(_PIN.sub("", found.group(1) if found else line.strip()))
        if title and title.casefold() != name.casefold():
            return "", body, 0
        del lines[at : at + (1 if found else 2)]
        return name, "\n".join(lines), at + 1
    return "", body, 0


def _front_matter(text: str, path: PurePath) -> tuple[dict[str, object], str, tuple[LeftOut, ...]]:
    """Part a Markdown text; keys that an article has no use for are left out."""
    handler = YAMLHandler()
    if not handler.detect(text) or len(handler.FM_BOUNDARY.findall(text)) < 2:
        return {}, text, ()
    source, body = handler.split(text)
    try:
        front = yaml.safe_load(source)
    except (ValueError, RecursionError, yaml.YAMLError) as cause:
        # What was never closed is found at the end of the text, and has to be mended where it begins.
        is_open = re.search("quoted|flow", str(getattr(cause, "context", "")))
        mark = getattr(cause, "context_mark" if is_open else "problem_mark", None)
        above = text[: text.index(source)].count("\n")
        place = Place(path.name, above + 1 + mark.line if mark else 1)
        mend = "close every quote and bracket, and put a text that has a colon in quotes"
        raise Refused("the front matter is broken", place=place, mend=mend) from cause
    if not isinstance(front, dict):
        return {}, text, ()
    dropped: list[LeftOut] = []
    key = ""
    for number, line in enumerate(source.strip("\n").split("\n"), 2):
        if begun := re.match(r"[\"']?([\w-]+)[\"']?\s*:", line):
            key = begun.group(1)
        # The date is the import's own, as it is in every other article.
        is_kept = key != "updated" and isinstance(front.get(key), _KEYS.get(key, ()))
        if line.strip() and not is_kept:
            dropped.append(LeftOut(number, line, "front matter"))
    return front, body, tuple(dropped)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value if one is not None) if isinstance(value, list) else ()


def _first_sentence(text: str) -> str:
    text = " ".join(text.split())
    found = _SENTENCE.search(text)
    sentence = text[: found.end()] if found else text
    if len(sentence) <= MAX_DESCRIPTION:
        return sentence
    return f"{sentence[: MAX_DESCRIPTION - 1].rsplit(' ', 1)[0]}…"
