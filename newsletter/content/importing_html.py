"""A saved web page to Markdown: its main content, without what surrounds it."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from newsletter.content.importing_markdown import escape, guard_start, heading, table
from newsletter.content.sanitising import is_safe_link
from newsletter.domain.outline import LeftOut

#: Deeper nesting than this is read as text.
MAX_DEPTH = 60
_SILENT = "script, style, template"
_SURROUNDINGS = (
    "noscript, svg, iframe, form, button, nav, aside, body > header, footer, "
    "[role=navigation], [role=banner], [role=contentinfo], [hidden]"
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_INLINE = {"strong": "**", "b": "**", "em": "*", "i": "*"}
_BLOCKS = {
    *_HEADINGS,
    *("p", "ul", "ol", "blockquote", "table", "hr", "pre", "dt", "dd", "summary", "caption", "li", "legend"),
    *(
        "div",
        "section",
        "article",
        "main",
        "body",
        "figure",
        "figcaption",
        "header",
        "center",
        "dl",
        "details",
    ),
    *("address", "fieldset", "img", "hgroup"),
}
_ANY_BLOCK = ", ".join(sorted(_BLOCKS))
_SPACE = re.compile(r"\s+")


def html_to_markdown(html: str) -> tuple[str, tuple[LeftOut, ...]]:
    """Return the main content as Markdown, and the texts of what was left out, with line 0 for each."""
    tree = LexborHTMLParser(html)
    named = tree.css_first("title")
    title = _text(named) if named is not None else ""
    tree.strip_tags(_SILENT.split(", "))
    left_out = _without_surroundings(tree)
    body = tree.body
    if body is None:
        return "", tuple(left_out)
    main = _main(body)
    blocks = [block for block in _block(main, 0) if block.strip()]
    heads = main.css("h1")
    if not heads and title:
        blocks.insert(0, heading(escape(title), 1))
    if main.tag != "body":
        why = f"outside <{main.tag}>"
        main.decompose()
        left_out += [LeftOut(0, text, why) for text in _lines_of(body)]
    return "\n\n".join(blocks) + "\n", tuple(left_out)


def _without_surroundings(tree: LexborHTMLParser) -> list[LeftOut]:
    dropped = [node for node in tree.css(_SURROUNDINGS) if not _holds_content(node)]
    known = {node.mem_id for node in dropped}
    outer = [node for node in dropped if not any(above.mem_id in known for above in _above(node))]
    left_out = [LeftOut(0, text, f"<{node.tag}>") for node in outer for text in _lines_of(node)]
    for node in outer:
        node.decompose()
    return left_out


def _above(node: LexborNode) -> Iterator[LexborNode]:
    at = node.parent
    while at is not None:
        yield at
        at = at.parent


def _holds_content(node: LexborNode) -> bool:
    """Tell whether a form is the whole page, as some servers write it."""
    return node.tag == "form" and node.css_first("h1, article, main") is not None


def _main(body: LexborNode) -> LexborNode:
    """Find the element that holds the article: <main>, then the <article> with most of the text in it."""
    named = body.css_first("main, [role=main]")
    main = named if named is not None and _text(named) else body
    articles = sorted(main.css("article"), key=lambda one: len(_text(one)), reverse=True)
    holds_most = bool(articles) and 2 * len(_text(articles[0])) >= len(_text(main))
    return articles[0] if holds_most else main


def _blocks(node: LexborNode, depth: int) -> Iterator[str]:
    loose = ""
    for child in node.iter(include_text=True):
        if not _is_block(child):
            loose += _inline_of(child, depth + 1)
            continue
        if loose.strip():
            yield guard_start(_tidy(loose))
        loose = ""
        yield from _block(child, depth + 1)
    if loose.strip():
        yield guard_start(_tidy(loose))


def _is_block(node: LexborNode) -> bool:
    return node.tag in _BLOCKS or (node.tag != "-text" and node.css_first(_ANY_BLOCK) is not None)


def _block(node: LexborNode, depth: int) -> Iterator[str]:
    tag = node.tag or ""
    if depth > MAX_DEPTH:
        yield guard_start(escape(_text(node)))
    elif tag in _HEADINGS:
        text = _inline(node, depth)
        yield heading(text, _HEADINGS[tag]) if text else ""
        yield from _images(node)
    elif tag == "img":
        yield from _image(node)
    elif tag in ("ul", "ol"):
        yield from _list(node, depth)
    elif tag == "blockquote":
        quoted = "\n\n".join(block for block in _blocks(node, depth) if block.strip())
        yield "\n".join(f"> {line}".rstrip() for line in quoted.split("\n")) if quoted else ""
    elif tag == "table":
        yield from _table(node, depth)
    elif tag == "hr":
        yield "***"
    elif tag == "pre":
        code = node.text().strip("\n")
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", code)), 3)
        yield f"{fence}\n{code}\n{fence}"
    else:
        yield from _blocks(node, depth)


def _list(node: LexborNode, depth: int) -> Iterator[str]:
    items: list[str] = []
    others: list[str] = []
    first = node.attributes.get("start") or "1"
    number = int(first) if node.tag == "ol" and first.isdecimal() and len(first) < 8 else 1
    for child in node.iter(include_text=True):
        if child.tag == "li":
            mark = f"{number + len(items)}. " if node.tag == "ol" else "- "
            text = "\n\n".join(block for block in _blocks(child, depth) if block.strip())
            items.append(re.sub(r"\n(?=.)", "\n" + " " * len(mark), mark + text).rstrip())
        elif _is_block(child):
            others += [block for block in _block(child, depth + 1) if block.strip()]
        elif text := _inline_of(child, depth + 1).strip():
            others.append(guard_start(text))
    yield "\n".join(item for item in items if item not in ("-", ""))
    yield from others


def _table(node: LexborNode, depth: int) -> Iterator[str]:
    caption = node.css_first("caption")
    if caption is not None:
        yield guard_start(_inline(caption, depth))
    if node.css_first("table table, h1, h2, h3, ul, ol, img, pre, p + p") is not None:
        # A table for the layout of a page: its cells are read one after the other.
        for row in _rows(node):
            for cell in row:
                yield from _blocks(cell, depth + 1)
        return
    rows = [[_inline(cell, depth).replace("|", "\\|") for cell in row] for row in _rows(node)]
    rows = [row for row in rows if any(row)]
    if rows:
        yield table(rows)


def _rows(node: LexborNode) -> Iterator[list[LexborNode]]:
    """List the cells of a table row by row, without those of tables inside it."""
    for child in node.iter():
        if child.tag == "tr":
            yield [cell for cell in child.iter() if cell.tag in ("td", "th")]
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from _rows(child)


def _images(node: LexborNode) -> Iterator[str]:
    for image in node.css("img"):
        yield from _image(image)


def _image(node: LexborNode) -> Iterator[str]:
    source = (node.attributes.get("src") or "").strip()
    alt = escape(_SPACE.sub(" ", node.attributes.get("alt") or "").strip())
    if source and is_safe_link(source) and not re.search(r"[<>\s]", source):
        yield f"![{alt}](<{source}>)"
    elif alt:
        yield guard_start(alt)


def _inline(node: LexborNode, depth: int) -> str:
    inner = "".join(_inline_of(child, depth + 1) for child in node.iter(include_text=True))
    return _tidy(inner)


def _tidy(markdown: str) -> str:
    # Where bold text stands right beside bold text, the marks between them would be read as text.
    return _SPACE.sub(" ", markdown.replace("****", "")).strip()


def _inline_of(node: LexborNode, depth: int) -> str:
    tag = node.tag or ""
    if tag == "-text":
        return _SPACE.sub(" ", escape(node.text_content or ""))
    if tag in ("br", "img"):
        return " "
    if depth > MAX_DEPTH:
        return escape(_text(node))
    inner = _inline(node, depth)
    if not inner:
        return " " if node.text() else ""
    text = node.text()
    before = " " if text[:1].isspace() or tag in _BLOCKS else ""
    after = " " if text[-1:].isspace() or tag in _BLOCKS else ""
    marked = _link(node, inner) if tag == "a" else _emphasised(node, inner)
    return f"{before}{marked}{after}"


def _emphasised(node: LexborNode, inner: str) -> str:
    mark = _INLINE.get(node.tag or "", "")
    follower = node.next
    rest = ""
    if mark and follower is not None and follower.text()[:1].isalnum():
        # A mark between a full stop and a letter would be read as text.
        bare = inner.rstrip(":;,.!?…")
        inner, rest = bare, inner[len(bare) :]
    return f"{mark}{inner}{mark}{rest}" if inner else rest


def _link(node: LexborNode, inner: str) -> str:
    href = (node.attributes.get("href") or "").strip()
    usable = href and not href.startswith("#") and is_safe_link(href) and not re.search(r"[<>\n]", href)
    return f"[{inner}](<{href}>)" if usable else inner


def _lines_of(node: LexborNode) -> list[str]:
    lines = (_SPACE.sub(" ", line).strip() for line in node.text(separator="\n").split("\n"))
    return [line for line in lines if line]


def _text(node: LexborNode) -> str:
    return _SPACE.sub(" ", node.text(separator=" ")).strip()
