"""Tokens that stand for content while MJML is compiled, so that no compiler ever sees user text.

mrml panics on text like `Menü > Datei`, overflows the stack on deep markup and rewrites attribute values. A
token is ASCII and carries its own content as hexadecimal: nothing has to be remembered, and the same content
is always the same token.
"""

import html
import re
from typing import Any

from jinja2 import TemplateRuntimeError, Undefined
from markupsafe import Markup

from newsletter.domain.blocks import Inline

#: Opens the token of a fragment; such a token cannot stand in an attribute.
FRAGMENT = "@@h"
_TEXT = "@@t"
_CLOSE = "@@"
_TOKEN = re.compile(r"@@([ht])((?:[0-9a-f]{2})*)@@")
# A private-use character: css-inline passes it on unchanged, and it is removed from all content first.
_LATE = "\ue003"
_LATE_TOKEN = re.compile(f"{_LATE}([0-9]+){_LATE}")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*>")
_VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}
# css-inline overflows the stack at some 10,000 levels and takes quadratic time on the way there.
_DEEP = 200


class Literal(str):
    """Text that stands in MJML as it is: checked when it was read, and never what somebody wrote."""

    __slots__ = ()

    def __html__(self) -> str:
        """Tell Jinja2 that there is nothing to escape."""
        return self


class Fragment(str):
    """HTML or CSS of our own making, to be put in after MJML is compiled."""

    __slots__ = ()


def as_token(value: Any) -> str:
    """Write a value into MJML: content as a token, theme values and numbers as they are.

    Raises TemplateRuntimeError for a value that has no text of its own.
    """
    if isinstance(value, Markup | Literal):
        return value
    if isinstance(value, Inline | Fragment):
        return FRAGMENT + _hex(value.html if isinstance(value, Inline) else value) + _CLOSE
    if isinstance(value, str):
        return _TEXT + _hex(value) + _CLOSE
    return _plain(value)


def holds_content(mjml: str) -> bool:
    """Tell whether something was filled in here, whose value is known only to the mail."""
    return "@@" in mjml


def as_text(value: Any) -> str:
    """Write a value into the text part. Raises TemplateRuntimeError as `as_token` does."""
    if isinstance(value, Inline):
        return value.text
    return str(value) if isinstance(value, str) else _plain(value)


class Late:
    """Content that goes in last, because it is nested too deeply for any tool to read."""

    def __init__(self) -> None:
        self._fragments: list[str] = []

    def keep(self, fragment: str) -> str:
        """Take a fragment and return what stands for it meanwhile."""
        self._fragments.append(fragment)
        return f"{_LATE}{len(self._fragments) - 1}{_LATE}"

    def restore(self, document: str) -> str:
        """Put every fragment in its place."""
        if not self._fragments:
            return document
        return _LATE_TOKEN.sub(lambda match: self._fragments[int(match.group(1))], document)


def restore(document: str, late: Late) -> str:
    """Put content in the place of its tokens; what went in is not looked at again."""

    def content(match: re.Match[str]) -> str:
        text = bytes.fromhex(match.group(2)).decode("utf-8", "surrogatepass").replace(_LATE, "")
        if match.group(1) == "t":
            return html.escape(text)
        return late.keep(text) if _is_deep(text) else text

    return _TOKEN.sub(content, document)


def _plain(value: Any) -> str:
    if isinstance(value, Undefined) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return str(value)
    raise TemplateRuntimeError(f"a value of type {type(value).__name__} has no text; write one of its parts")


def _hex(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").hex()


def _is_deep(fragment: str) -> bool:
    depth = 0
    if fragment.count("<") <= _DEEP:
        return False
    for end, name in _TAG.findall(fragment):
        if name.lower() not in _VOID:
            depth = max(0, depth - 1) if end else depth + 1
        if depth > _DEEP:
            return True
    return False
