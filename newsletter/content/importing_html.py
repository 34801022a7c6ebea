"""A saved web page to Markdown: its main content, without what surrounds it."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from newsletter.content.sanitising import is_safe_link
from newsletter.domain.outline import LeftOut

#: Deeper nesting than this is read as text.
MAX_DEPTH = 60
_SURROUNDINGS = (
    "script, style, noscript, template, svg, iframe, form, button, nav, aside, header nav, body > header, "
    "body > footer, footer, [role=navigation], [role=banner], [role=contentinfo], [hidden]"
)
_MAIN = ("article", "main", "[role=main]", "body")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = {"strong": "**", "b": "**", "em": "*", "i": "*"}
_CONTAINERS = {"div", "section", "article", "main", "body", "figure", "figcaption", "header", "center", "dl"}
_MARKUP = re.compile(r"([\\`*_\[\]<>|])")
_SPACE = re.compile(r"\s+")


def html_to_markdown(html: str) -> tuple[str, tuple[LeftOut, ...]]:
    """Return the main content as Markdown, and the texts of what was left out."""
    tree = LexborHTMLParser(html)
    left_out = []
    for node in tree.css(_SURROUNDINGS):
        text = _SPACE.sub(" ", node.text(separator=" ")).strip()
        if text and node.tag not in ("script", "style", "template"):
            left_out.append(LeftOut(0, text, f"<{node.tag}>"))
        node.decompose()
    main = next((found for selector in _MAIN if (found := tree.css_first(selector)) is not None), None)
    if main is None:
        return "", tuple(left_out)
    title = tree.css_first("h1") or tree.css_first("title")
    blocks = list(_blocks(main, 0))
    if title is not None and not any(block.startswith("# ") for block in blocks):
        blocks.insert(0, f"# {_inline(title, 0)}")
    return "\n\n".join(block for block in blocks if block.strip()) + "\n", tuple(left_out)


def _blocks(node: LexborNode, depth: int) -> Iterator[str]:
    loose = ""
    for child in node.iter(include_text=True):
        if child.tag in _CONTAINERS or _is_block(child):
            if loose.strip():
                yield loose.strip()
            loose = ""
            yield from _block(child, depth + 1)
        else:
            loose += _inline_of(child, depth + 1)
    if loose.strip():
        yield loose.strip()


def _block(node: LexborNode, depth: int) -> Iterator[str]:
    tag = node.tag or ""
    if depth > MAX_DEPTH:
        yield _escape(node.text(separator=" ")).strip()
    elif tag in _HEADINGS:
        yield f"{'#' * _HEADINGS[tag]} {_inline(node, depth)}"
    elif tag == "p":
        yield _inline(node, depth)
    elif tag in ("ul", "ol"):
        yield _list(node, depth)
    elif tag == "blockquote":
        quoted = "\n\n".join(_blocks(node, depth))
        yield "\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))
    elif tag == "table":
        yield _table(node, depth)
    elif tag == "hr":
        yield "---"
    elif tag == "pre":
        yield f"```\n{node.text()}\n```"
    else:
        yield from _blocks(node, depth)


def _list(node: LexborNode, depth: int) -> str:
    items = []
    for number, item in enumerate((one for one in node.iter() if one.tag == "li"), 1):
        mark = f"{number}. " if node.tag == "ol" else "- "
        text = "\n\n".join(_blocks(item, depth))
        items.append(mark + text.replace("\n", "\n" + " " * len(mark)))
    return "\n".join(items)


def _table(node: LexborNode, depth: int) -> str:
    rows = [[_inline(cell, depth) for cell in row.css("th, td")] for row in node.css("tr")]
    width = max((len(row) for row in rows), default=0)
    if width == 0:
        return ""
    padded = [row + [""] * (width - len(row)) for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in padded]
    return "\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])


def _inline(node: LexborNode, depth: int) -> str:
    return _SPACE.sub(
        " ", "".join(_inline_of(child, depth + 1) for child in node.iter(include_text=True))
    ).strip()


def _inline_of(node: LexborNode, depth: int) -> str:
    tag = node.tag or ""
    if tag == "-text":
        return _escape(node.text_content or "")
    if tag == "br":
        return " "
    if tag == "img":
        return ""
    if depth > MAX_DEPTH:
        return _escape(node.text(separator=" "))
    inner = _inline(node, depth)
    if not inner:
        return " " if node.text() else ""
    if tag == "a":
        href = (node.attributes.get("href") or "").strip()
        return f"[{inner}](<{href}>)" if is_safe_link(href) and href and "\n" not in href else inner
    mark = _INLINE.get(tag, "")
    return f"{mark}{inner}{mark}" if mark else _spaced(node, inner)


def _spaced(node: LexborNode, inner: str) -> str:
    text = node.text()
    return f"{' ' if text[:1].isspace() else ''}{inner}{' ' if text[-1:].isspace() else ''}"


def _is_block(node: LexborNode) -> bool:
    return node.tag in {*_HEADINGS, "p", "ul", "ol", "blockquote", "table", "hr", "pre", "dt", "dd"}


def _escape(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text).replace("&", "&amp;")
