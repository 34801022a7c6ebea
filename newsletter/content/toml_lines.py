"""Where in a TOML text a key stands; `tomllib` does not say.

The text has been accepted by `tomllib` before, so this reads it leniently.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import NamedTuple

#: Keys and list positions from the top, such as `("issue", 1, "subject")`.
KeyPath = tuple[str | int, ...]

_TOKEN = re.compile(
    r'(?P<string>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<comment>#[^\n]*)|(?P<newline>\n)|(?P<mark>[\[\]{}=,.])|(?P<bare>[^\s\[\]{}=,.#\"']+)",
    re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def line_of(text: str, path: KeyPath) -> int:
    """Return the line of a key, or of the nearest table around it that is written; 1 if none is."""
    lines = lines_of(text)
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 1)


def lines_of(text: str) -> Mapping[KeyPath, int]:
    """Map every key, table and list entry of a TOML text to its line."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._lines: dict[KeyPath, int] = {}
        self._last: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._more():
            token = self._peek()
            if token.kind == "newline":
                self._at += 1
            elif token.text == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    def _header(self) -> KeyPath:
        line = self._peek().line
        brackets = 0
        while self._more() and self._peek().text == "[":
            self._at += 1
            brackets += 1
        keys = self._keys("]")
        self._at += brackets
        return self._enter(keys, line, is_list=brackets == 2)

    def _enter(self, keys: list[str], line: int, *, is_list: bool) -> KeyPath:
        path: KeyPath = ()
        for place, key in enumerate(keys):
            path += (key,)
            self._lines.setdefault(path, line)
            if path in self._last and not (is_list and place == len(keys) - 1):
                path += (self._last[path],)
        if is_list:
            self._last[path] = self._last.get(path, -1) + 1
            path += (self._last[path],)
        self._lines.setdefault(path, line)
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._peek().line
        path = table
        for key in self._keys("="):
            path += (key,)
            self._lines.setdefault(path, line)
        self._at += 1
        self._value(path)

    def _keys(self, end: str) -> list[str]:
        keys = []
        while self._more() and self._peek().text != end and self._peek().kind != "newline":
            token = self._peek()
            self._at += 1
            if token.kind == "string":
                keys.append(str(tomllib.loads(f"key = {token.text}")["key"]))
            elif token.kind == "bare":
                keys.append(token.text)
        return keys

    def _value(self, path: KeyPath) -> None:
        if self._more() and self._peek().text == "[":
            self._entries(path, "]")
        elif self._more() and self._peek().text == "{":
            self._entries(path, "}")
        else:
            self._scalar()

    def _entries(self, path: KeyPath, end: str) -> None:
        self._at += 1
        index = 0
        while self._more() and self._peek().text != end:
            token = self._peek()
            if token.kind == "newline" or token.text == ",":
                self._at += 1
            elif end == "}":
                self._pair(path)
            else:
                self._lines.setdefault((*path, index), token.line)
                self._value((*path, index))
                index += 1
        self._at += 1

    def _scalar(self) -> None:
        while self._more() and self._peek().kind != "newline" and self._peek().text not in (",", "]", "}"):
            self._at += 1

    def _more(self) -> bool:
        return self._at < len(self._tokens)

    def _peek(self) -> _Token:
        return self._tokens[self._at]


def _tokens(text: str) -> list[_Token]:
    tokens = []
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "comment":
            tokens.append(_Token(kind, match.group(), line))
        line += match.group().count("\n")
    return tokens
