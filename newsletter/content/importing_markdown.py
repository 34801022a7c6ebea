"""Write plain text as Markdown that reads as the same text: no mark of it begins or means anything."""

import re
from itertools import count

from newsletter.domain.article import INTRODUCTION
from newsletter.domain.outline import Kind, Part
from newsletter.domain.slugs import slugify

_MARKUP = re.compile(r"([\\`*_\[\]<>])")
_BLOCK_START = re.compile(
    r"^(?:#{1,6}(?=\s|$)|[-+](?=\s|$)|=+\s*$|~{3,}|[|:-][|:\s-]*$|(\d{1,9})(?=[.)](?:\s|$)))"
)
_HEADING = re.compile(r"#{1,6} +(.+?)(?: *(?<!\\)\{#([a-z0-9-]+)\})? *")
_STEP_LABEL = re.compile(r"([A-Z][^.:!?]{0,40}): (?=\S)")


def write_parts(parts: tuple[Part, ...]) -> str:
    """Write parts as blocks of Markdown."""
    blocks: list[str] = []
    after = ""
    for part in parts:
        # A second list of the same mark would only go on with the first one.
        mark = ")" if part.kind is Kind.STEPS and after == "." else "."
        blocks.append(_block(part, mark))
        after = mark if part.kind is Kind.STEPS else ""
    return "\n\n".join(blocks)


def escape(text: str) -> str:
    """Escape what means something within a line."""
    return _MARKUP.sub(r"\\\1", text).replace("&", "&amp;").replace("![", "\\![")


def escape_line(text: str) -> str:
    """Escape a line of text, so that nothing at its start begins a block either."""
    return guard_start(escape(text.replace("\t", " ")))


def guard_start(markdown: str) -> str:
    """Escape the start of a line of Markdown where it would begin a block."""
    found = _BLOCK_START.match(markdown)
    if found is None:
        return markdown
    at = found.end(1) if found.group(1) else 0
    return f"{markdown[:at]}\\{markdown[at:]}"


def heading(markdown: str, level: int) -> str:
    """Write a heading; braces at its end would pin an id, and hashes would close it."""
    text = markdown.replace("{#", "\\{#")
    closing = re.search(r"(?:^|(?<=\s))(#+)$", text)
    return (
        f"{'#' * level} {text[: closing.start()]}\\{closing.group(1)}" if closing else f"{'#' * level} {text}"
    )


def table(rows: list[list[str]]) -> str:
    """Write a table of cells that are Markdown without pipes; a short row is filled up."""
    width = max(len(row) for row in rows)
    lines = [f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def plain(markdown: str) -> str:
    """Read a line of Markdown without its marks."""
    unlinked = re.sub(r"!?\[((?:\\.|[^\]\\])*)\]\((?:<[^>]*>|[^)]*)\)(?:\{\.[^}]*\})?", r"\1", markdown)
    return re.sub(r"\\(.)|[*_`]", lambda found: found.group(1) or "", unlinked).replace("&amp;", "&")


def with_unique_ids(body: str) -> str:
    """Pin an id at each heading whose own one is taken: pasted texts say "Conclusion" twice."""
    lines = body.split("\n")
    taken = set() if lines[0].startswith("#") else {INTRODUCTION}
    is_code = False
    for at, line in enumerate(lines):
        is_code ^= line.startswith(("```", "~~~"))
        found = _HEADING.fullmatch(line)
        if found is None or is_code:
            continue
        pinned = found.group(2)
        own = pinned or slugify(plain(found.group(1)))
        unique = next(name for n in count(1) if (name := own if n == 1 else f"{own}-{n}") not in taken)
        taken.add(unique)
        if unique != own:
            lines[at] = f"{line[: found.end(1)]} {{#{unique}}}"
    return "\n".join(lines)


def _block(part: Part, mark: str) -> str:
    match part.kind:
        case Kind.HEADING:
            return heading(escape(part.text), part.level)
        case Kind.TABLE:
            return table([[escape(cell).replace("|", "\\|") for cell in row] for row in part.rows])
        case Kind.STEPS:
            numbered = enumerate(part.rows, part.start)
            return "\n".join(f"{number}{mark} {_step(row[0])}" for number, row in numbered)
        case Kind.BULLETS:
            return "\n".join(f"- {escape_line(row[0])}" for row in part.rows)
        case Kind.PARAGRAPH:
            return "\n".join(escape_line(row[0]) for row in part.rows)


def _step(text: str) -> str:
    label = _STEP_LABEL.match(text)
    return f"**{escape(label.group(1))}:** {escape(text[label.end() :])}" if label else escape_line(text)
