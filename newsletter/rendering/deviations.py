"""Where the compiler, mrml 6.0.1, differs from MJML 4.18, and how its input and output are brought in line.

What cannot be is refused: see `attributes.py`. Measured with every attribute of every element.
"""

import re

from newsletter.rendering.schema import schema
from newsletter.rendering.tags import VOID, Tag, tags_of
from newsletter.rendering.tokens import Fragment, as_token

_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BARE_ZERO = re.compile(r"(?<![\d.])0(?![\d.%a-z])")
_SHORT_COLOUR = re.compile(r"#([0-9a-fA-F])([0-9a-fA-F])([0-9a-fA-F])")
_ADJACENT = "<![endif]--><!--[if mso | IE]>"
_HALF_PIXELS = re.compile(r'(<td style="width:\d+)\.\d+(px;">(?:<a [^>]*>)?<img [^>]*? width="\d+)\.\d+(?=")')
_STRAY = re.compile(r'(<td\b[^>]*?) vertical-align="[a-z]+"')
#: Between the elements of these mrml reads comments and space as it should, and in no other element of MJML.
_ROOMY = {"mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"}
# mrml prints values as Rust debug strings: what that would rewrite must not be in them.
_ESCAPED = {"\\": "&#92;", '"': "&quot;", "<": "&lt;", ">": "&gt;"}


def in_line(mjml: str) -> str:
    """Write MJML so that mrml reads it as MJML does: in ASCII, with plain values, sizes and colours whole.

    mrml panics at `é >` and at comments like conditions, loses a shorthand that holds a bare 0, and lets the
    first of two classes win.
    """
    parts: list[str] = []
    path = [""]
    position = 0
    for tag in tags_of(mjml):
        parts += _between(mjml[position : tag.offset], path[-1]), _tag(tag)
        position = tag.end
        if tag.is_end:
            path.pop()
        elif not tag.is_whole:
            path.append(tag.name)
    written = _CONTROL.sub("", "".join(parts))
    return _NOT_ASCII.sub(lambda run: as_token(Fragment(run.group())), written)


def _between(text: str, parent: str) -> str:
    # What stands directly in such an element is comments and space: anything else was refused.
    if parent in schema().children and parent not in _ROOMY:
        return ""
    return _COMMENT.sub(lambda comment: as_token(Fragment(comment.group())), text)


def mended(compiled: str) -> str:
    """Mend compiled HTML: pictures are whole pixels wide, cells have no attribute that HTML does not know.

    And the conditionals in which Outlook's tables are closed and opened become one, which says the same.
    """
    whole = _HALF_PIXELS.sub(r"\1\2", compiled)
    return _STRAY.sub(r"\1", whole.replace(_ADJACENT, ""))


def _tag(tag: Tag) -> str:
    if tag.is_end:
        return f"</{tag.name}>"
    written = "".join(f' {name}="{_value(tag.name, name, value)}"' for name, value in tag.attributes)
    ending = " />" if tag.rest.endswith("/") or tag.name in VOID else ">"
    return f"<{tag.name}{written}{ending}"


def _value(element: str, name: str, value: str) -> str:
    plain = "".join(_ESCAPED.get(char, char) for char in " ".join(value.split()))
    if not element.startswith("mj-"):
        return plain
    if name == "mj-class":
        return " ".join(reversed(plain.split()))
    kinds = schema().kinds_of(element, name)
    if "color" in kinds and (short := _SHORT_COLOUR.fullmatch(plain)):
        return "#" + "".join(digit * 2 for digit in short.groups())
    if any(kind.startswith("unit") and kind.endswith("{1,4}") for kind in kinds):
        return _BARE_ZERO.sub("0px", plain)
    return plain
