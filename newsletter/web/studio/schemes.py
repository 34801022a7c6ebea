"""Show a mail as a client in light or dark mode would, whatever the machine is set to."""

import re
from enum import StrEnum


class Scheme(StrEnum):
    """What the reader has asked their device for."""

    LIGHT = "light"
    DARK = "dark"


_FEATURE = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_PROPERTY = re.compile(r"(?<![-\w])((?:supported-)?color-schemes?\s*:\s*)[a-z][a-z ]*", re.IGNORECASE)
_META = re.compile(r"<meta\b[^>]*\bname\s*=\s*[\"']?(?:supported-)?color-schemes?\b[^>]*>", re.IGNORECASE)
_CONTENT = re.compile(r"(\bcontent\s*=\s*)(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.IGNORECASE | re.DOTALL)

_ALWAYS, _NEVER = "(min-width:0)", "(max-width:0)"


def in_scheme(html: str, scheme: Scheme) -> str:
    """Rewrite what a mail asks of the device's colour scheme, so that it is answered with this one."""

    def answer(match: re.Match[str]) -> str:
        return _ALWAYS if match.group(1).lower() == scheme else _NEVER

    def restyle(match: re.Match[str]) -> str:
        return match.group(1) + _PROPERTY.sub(rf"\g<1>{scheme}", match.group(2)) + match.group(3)

    def redeclare(match: re.Match[str]) -> str:
        return _CONTENT.sub(rf'\g<1>"{scheme}"', match.group(0))

    answered = _FEATURE.sub(answer, html)
    return _META.sub(redeclare, _STYLE.sub(restyle, answered))
