"""How Mailgun reads a form: its parts, what it refuses, and what each recipient gets of it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from email.utils import getaddresses
from urllib.parse import parse_qsl

_NAME = re.compile(rb'name="([^"]*)"')
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\".]+")
_VARIABLE = re.compile(r"%recipient\.([^%\s]+)%")
_OWN_VARIABLE = re.compile(
    r"%(?:recipient|recipient_\w+|(?:tag_|mailing_list_)?unsubscribe_\w+)%", re.IGNORECASE
)
_MOST_RECIPIENTS = 1000
_OPTIONS_ROOM = 16 * 1024
_LARGEST = 25 * 1024 * 1024
_MOST_TAGS, _LONGEST_TAG = 3, 128

#: The fields of a form in order; one name may come more than once.
Fields = Sequence[tuple[str, str]]
#: The variables of each address.
Variables = Mapping[str, Mapping[str, object]]


def read_form(content_type: str, body: bytes) -> Fields | None:
    """Read a form; None where it is not whole."""
    if content_type.startswith("application/x-www-form-urlencoded"):
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    boundary = _BOUNDARY.search(content_type)
    if boundary is None or not content_type.startswith("multipart/form-data"):
        return None
    _, *chunks = (b"\r\n" + body).split(b"\r\n--" + boundary.group(1).encode())
    if not chunks or not chunks.pop().startswith(b"--"):
        return None
    fields = []
    for chunk in chunks:
        head, _, value = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is None:
            return None
        fields.append((name.group(1).decode(), value.decode("utf-8", "replace")))
    return fields


def all_of(fields: Fields, name: str) -> list[str]:
    """List the values of a field that may repeat."""
    return [value for one, value in fields if one == name]


def one_of(fields: Fields, name: str) -> str:
    """Return the last value of a field, nothing where it is missing."""
    return next(iter(reversed(all_of(fields, name))), "")


def group_of(fields: Fields, prefix: str) -> dict[str, str]:
    """Return the fields whose names start so, without that start."""
    return {name.removeprefix(prefix): value for name, value in fields if name.startswith(prefix)}


def recipients_of(fields: Fields) -> list[str]:
    """List the plain addresses of a form; a repeated one is ignored silently."""
    found = [address for _, address in getaddresses(all_of(fields, "to"))]
    return list({address.casefold(): address for address in reversed(found)}.values())[::-1]


def refusal(fields: Fields) -> str | None:
    """Say why a form is refused; None if it is not."""
    to = [address for _, address in getaddresses(all_of(fields, "to"))]
    if not one_of(fields, "from"):
        return "from parameter is missing"
    if not to:
        return "to parameter is missing"
    if not all(_ADDRESS.fullmatch(address) for address in to):
        return "to parameter is not a valid address. please check documentation"
    if not all(_ADDRESS.fullmatch(one) for _, one in getaddresses(all_of(fields, "from"))):
        return "from parameter is not a valid address. please check documentation"
    if len(to) > _MOST_RECIPIENTS:
        return "to parameter has more than 1000 recipients"
    if not (one_of(fields, "html") or one_of(fields, "text")):
        return "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"
    return _refused_options(fields)


def variables_of(fields: Fields) -> Variables | None:
    """Read the recipient variables; None where they are no object of objects."""
    try:
        said = json.loads(one_of(fields, "recipient-variables") or "{}")
    except ValueError:
        return None
    is_sound = isinstance(said, dict) and all(isinstance(one, dict) for one in said.values())
    return said if is_sound else None


def filler(address: str, variables: Mapping[str, object], passes: int) -> Callable[[str], str]:
    """Make the function that substitutes one recipient's variables; unknown ones stay as they are.

    How often the service goes over a text is not documented; more than once, values are substituted too.
    """

    def own(match: re.Match[str]) -> str:
        return address if "recipient" in match.group().lower() else "https://mailgun.example/u"

    def value(match: re.Match[str]) -> str:
        return str(variables.get(match.group(1), match.group()))

    def fill(text: str) -> str:
        for _ in range(passes):
            text = _OWN_VARIABLE.sub(own, _VARIABLE.sub(value, text))
        return text

    return fill


def _refused_options(fields: Fields) -> str | None:
    options = [(name, value) for name, value in fields if name[:2] in ("o:", "h:", "v:", "t:")]
    tags = all_of(fields, "o:tag")
    if sum(len(name) + len(value.encode()) for name, value in options) > _OPTIONS_ROOM:
        return "o:, h:, v: and t: parameters are limited to 16KB"
    if any(not name.isascii() or re.search(r"[\r\n]", value) for name, value in options):
        return "a header or option is not valid"
    if len(tags) > _MOST_TAGS or any(not tag.isascii() or len(tag) > _LONGEST_TAG for tag in tags):
        return "o:tag parameter is not valid"
    if sum(len(one_of(fields, name).encode()) for name in ("html", "text")) > _LARGEST:
        return "the message is larger than 25MB"
    if variables_of(fields) is None:
        return "recipient-variables parameter is not a valid JSON object"
    return None
