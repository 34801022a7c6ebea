"""A mail as two kinds of clients read it, normalised, so that two compilers' outputs can be compared.

What is levelled out says the same to every client: the order of attributes, classes and declarations, white
space, `0px` for `0`, `alt=""` written out, an empty class or style, digits behind the third of a fraction.
Nothing else is.
"""

import hashlib
import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

_NOT_OUTLOOK = re.compile(r"<!--\[if !mso[^\]]*\]>\s*(?:<!-->|-->)(.*?)<!(?:--)?\s*<!\[endif\]-->", re.DOTALL)
_OUTLOOK = re.compile(r"<!--\[if (?!!mso)([^\]]*)\]>(.*?)<!\[endif\]-->", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SPACE = re.compile(r"\s+")
_AROUND_SIGNS = re.compile(r"\s*([{}:;,>+!])\s*")
_WIDTHS = re.compile(r"(?:(?:\.moz-text-html )?\.mj-column-[\w-]+\{[^{}]*\})+")
_FRACTION = re.compile(r"(?<=\d[.-]\d\d\d)\d+")
_CAROUSEL = re.compile(r"(?<=carousel-)(?:radio-)?[0-9a-f]{8,16}\b")
_NO_UNIT = re.compile(r"(?<![\w.#-])0px\b")
_STYLE_SIGNS = re.compile(r"\s*([:;,])\s*")


def modern(html: str) -> list[str]:
    """Return what every client but Outlook on Windows reads, one line for each element and text."""
    return _lines(_COMMENT.sub("", _OUTLOOK.sub("", _NOT_OUTLOOK.sub(r"\1", html))))


def outlook(html: str) -> list[str]:
    """Return what Outlook on Windows reads."""
    return _lines(_COMMENT.sub("", _OUTLOOK.sub(r"\2", _NOT_OUTLOOK.sub("", html))))


def _lines(html: str) -> list[str]:
    # A carousel's parts find one another by a number, which MJML draws at random.
    root = LexborHTMLParser(_FRACTION.sub("", _CAROUSEL.sub("0", html))).root
    assert root is not None
    return list(_walk(root, 0))


def _walk(node: LexborNode, depth: int) -> Iterator[str]:
    indent = " " * depth
    if node.is_text_node:
        if text := _SPACE.sub(" ", node.text_content or "").strip():
            yield f"{indent}{text}"
        return
    attributes = {name: _value(name, value or "") for name, value in node.attributes.items()}
    if node.tag == "img":
        attributes.setdefault("alt", "")
    kept = [name for name in sorted(attributes) if attributes[name] or name not in ("class", "style")]
    written = "".join(f' {name}="{attributes[name]}"' for name in kept)
    yield f"{indent}<{node.tag}{written}>"
    if node.tag == "style":
        for line in _rules(node.text(deep=True)):
            yield f"{indent} {line}"
        return
    for child in node.iter(include_text=True):
        yield from _walk(child, depth + 1)


def _value(name: str, value: str) -> str:
    if name == "style":
        return ";".join(_declarations(value))
    if name == "class":
        return " ".join(sorted(value.split()))
    return _SPACE.sub(" ", value).strip()


def _declarations(style: str) -> list[str]:
    parts = (_SPACE.sub(" ", part).strip() for part in style.split(";"))
    return sorted(_NO_UNIT.sub("0", _STYLE_SIGNS.sub(r"\1", part)) for part in parts if part)


def _rules(css: str) -> list[str]:
    flat = _AROUND_SIGNS.sub(r"\1", _SPACE.sub(" ", css)).strip().replace(";}", "}")
    # MJML 4 writes a list of media without its comma, which no client can read.
    flat = _WIDTHS.sub(_sorted, _NO_UNIT.sub("0", flat)).replace("@media screen yahoo", "@media screen,yahoo")
    return [line for line in flat.replace("}", "}\n").split("\n") if line.strip()]


def _sorted(run: re.Match[str]) -> str:
    # No element has two of these classes, so their order says nothing.
    return "".join(sorted(f"{rule.strip()}}}" for rule in run.group().split("}") if rule))


def digest(html: str) -> str:
    """Name both views of a mail in few letters."""
    return hashlib.sha256("\n".join([*modern(html), "", *outlook(html)]).encode()).hexdigest()[:16]
