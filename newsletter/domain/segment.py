"""A saved audience, written as an expression over what is known of people.

    any   = all {"or" all}
    all   = one {"and" one}
    one   = "not" one | "(" any ")" | name test
    test  = ("==" | "!=" | "<" | "<=" | ">" | ">=") value | ["not"] "in" "(" value {"," value} ")"
    value = "text" | number | date | true | false

A comparison with something that a person does not have, or that is of another kind, does not hold: so its
`not` does, and nobody is lost between the two.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

from newsletter.errors import LetterError

Value = str | float | date | bool
#: What is known of everybody, by the kind that it must be compared with; any other name is an attribute.
OWN: dict[str, type[str] | type[date]] = {"zone": str, "locale": str, "joined": date}
MAX_LENGTH = 1000
MAX_DEPTH = 20
#: As many digits as a computer's number keeps, however it is written.
PLAIN_NUMBER = re.compile(r"-?(?:[0-9]{1,15}|[0-9]{1,9}\.[0-9]{1,6})")

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\w-]))
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?![\w.]))
      | (?P<text>"(?:[^"\\\n]|\\["\\])*"|'(?:[^'\\\n]|\\['\\])*')
      | (?P<sign>==|!=|<=|>=|<|>|[(),])
      | (?P<name>[^\W\d][\w-]*)""",
    re.VERBOSE,
)
_SIGNS = ("==", "!=", "<", "<=", ">", ">=")
_WORDS = ("and", "or", "not", "in", "true", "false")
_HINTS = {
    "=": "write == to compare",
    "&": "write and",
    "|": "write or",
    "!": "write not, or !=",
    '"': "close the quotes",
    "'": "close the quotes",
}


@dataclass(frozen=True)
class Comparison:
    """One name against one value, by `==`, `<`, `<=`, `>` or `>=`."""

    name: str
    sign: str
    value: Value


@dataclass(frozen=True)
class Not:
    """What holds where another does not."""

    one: "Expression"


@dataclass(frozen=True)
class Every:
    """What holds where all of these do."""

    of: tuple["Expression", ...]


@dataclass(frozen=True)
class Some:
    """What holds where one of these does."""

    of: tuple["Expression", ...]


Expression = Comparison | Not | Every | Some


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


def read(text: str) -> Expression:
    """Read an expression; raises LetterError that names the column of what cannot be used."""
    if len(text) > MAX_LENGTH:
        raise LetterError(
            f"the expression has {len(text):,} characters", mend=f"at most {MAX_LENGTH:,} are read"
        )
    return _Parser(text).read()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def read(self) -> Expression:
        found = self._any()
        if self._next.kind != "end":
            raise self._unusable("and, or or the end is expected", self._next)
        return found

    def _any(self) -> Expression:
        return _joined(Some, self._joined_by("or", self._all))

    def _all(self) -> Expression:
        return _joined(Every, self._joined_by("and", self._one))

    def _joined_by(self, word: str, part: Callable[[], Expression]) -> Iterator[Expression]:
        yield part()
        while self._takes(word):
            yield part()

    def _one(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._unusable("this is nested too deeply", self._next)
        if self._takes("not"):
            found: Expression = Not(self._one())
        elif self._takes("("):
            found = self._any()
            self._expect(")")
        else:
            found = self._test()
        self._depth -= 1
        return found

    def _test(self) -> Expression:
        name = self._next
        if name.kind != "name" or name.text in _WORDS:
            raise self._unusable("a name such as zone or city is expected", name)
        self._at += 1
        sign = self._next
        if sign.text in _SIGNS:
            self._at += 1
            value = self._value(name)
            if sign.text == "!=":
                return Not(Comparison(name.text, "==", value))
            if isinstance(value, bool) and sign.text != "==":
                raise self._unusable("true and false have no order", sign, "write == or !=")
            return Comparison(name.text, sign.text, value)
        is_not = self._takes("not")
        if not self._takes("in"):
            raise self._unusable(f"{name.text} is compared with nothing", sign, "write == or in behind it")
        self._expect("(")
        one_of = _joined(Some, self._values(name))
        self._expect(")")
        return Not(one_of) if is_not else one_of

    def _values(self, name: _Token) -> Iterator[Expression]:
        yield Comparison(name.text, "==", self._value(name))
        while self._takes(","):
            yield Comparison(name.text, "==", self._value(name))

    def _value(self, name: _Token) -> Value:
        token = self._next
        value = self._value_of(token)
        kind = OWN.get(name.text)
        if kind is not None and not isinstance(value, kind):
            what = "a text" if kind is str else "a date"
            mend = f'write {name.text} == "{token.text}"' if kind is str else "write it like 2026-10-01"
            raise self._unusable(f"{name.text} is {what}", token, mend)
        self._at += 1
        return value

    def _value_of(self, token: _Token) -> Value:
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1])
        if token.text in ("true", "false"):
            return token.text == "true"
        if token.kind == "date":
            try:
                return date.fromisoformat(token.text)
            except ValueError:
                raise self._unusable(f"there is no day {token.text}", token) from None
        if token.kind == "number":
            if not PLAIN_NUMBER.fullmatch(token.text):
                raise self._unusable(f"{token.text} has too many digits", token)
            return float(token.text)
        quoted = f'write "{token.text}"' if token.kind == "name" else ""
        raise self._unusable("a text in quotes, a number or a date is expected", token, quoted)

    @cached_property
    def _tokens(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self._text):
            match = _TOKEN.match(self._text, at)
            if match is None:
                found = _Token("", self._text[at], at + 1)
                raise self._unusable(f"{found.text!r} means nothing here", found, _HINTS.get(found.text, ""))
            if match.lastgroup != "space":
                tokens.append(_Token(match.lastgroup or "", match.group(), at + 1))
            at = match.end()
        return [*tokens, _Token("end", "", len(self._text) + 1)]

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _takes(self, text: str) -> bool:
        is_there = self._next.kind in ("name", "sign") and self._next.text == text
        self._at += is_there
        return is_there

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise self._unusable(f"{text} is expected", self._next)

    def _unusable(self, what: str, token: _Token, mend: str = "") -> LetterError:
        ends = " before the end" if token.kind == "end" else ""
        return LetterError(f"column {token.column} of the expression: {what}{ends}", mend=mend)


def attributes_of(text: str) -> tuple[str, ...]:
    """List the names in an expression that are attributes, in order; none in an empty one."""
    return tuple(dict.fromkeys(name for name in _names(read(text)) if name not in OWN)) if text else ()


def _names(one: Expression) -> Iterator[str]:
    match one:
        case Comparison():
            yield one.name
        case Not():
            yield from _names(one.one)
        case Every() | Some():
            for inner in one.of:
                yield from _names(inner)


def _joined(kind: type[Every] | type[Some], parts: Iterator[Expression]) -> Expression:
    found = tuple(parts)
    return found[0] if len(found) == 1 else kind(found)
