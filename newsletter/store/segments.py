"""An audience expression as a condition of SQL: the same people on every database.

An attribute is compared by what it looks like: a value that is no plain number equals no number. Text is
compared byte by byte, whatever the language of the server.
"""

import json
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Text,
    and_,
    bindparam,
    case,
    cast,
    collate,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)

from newsletter.domain.segment import Comparison, Every, Expression, Not, Some, read
from newsletter.store.tables import Instant, series, subscriber, subscription

_AUDIENCE = select(series.c.settings["audience"].as_string()).where(series.c.id == bindparam("of_series"))
_DAY = timedelta(days=1)
_DAY_LIKE = {
    "sqlite": "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]",
    "postgresql": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
}
_NUMBER_LIKE = r"^-?([0-9]{1,15}|[0-9]{1,9}\.[0-9]{1,6})$"
# A server refuses to read these as text, and the whole statement with them.
_HIGH, _LOW = r"\\u[dD][89abAB]..", r"\\u[dD][c-fC-F]"
_UNREADABLE = rf"\\u0000|{_HIGH}(?!{_LOW})|(?<!{_HIGH}){_LOW}"


def audience_of(tx: Connection, series_id: object) -> str:
    """Return the expression that names the audience of a series; empty for everybody."""
    return tx.execute(_AUDIENCE, {"of_series": series_id}).scalar() or ""


@lru_cache(maxsize=256)
def condition(text: str, dialect: str) -> ColumnElement[bool]:
    """Return what holds for the people of an expression: true or false, never unknown.

    It speaks of `subscriber` and, for the day somebody joined, of `subscription`. Raises LetterError.
    """
    return _holds(read(text), dialect)


def _holds(found: Expression, dialect: str) -> ColumnElement[bool]:
    match found:
        case Not(one):
            return not_(_holds(one, dialect))
        case Every(of):
            return and_(*(_holds(one, dialect) for one in of))
        case Some(of):
            return or_(*(_holds(one, dialect) for one in of))
        case Comparison():
            return func.coalesce(_compared(found, dialect), false())


def _compared(found: Comparison, dialect: str) -> ColumnElement[Any]:
    name, sign, value = found.name, found.sign, found.value
    if name == "joined":
        assert isinstance(value, date), "the expression was read with its kinds"
        return _joined(sign, value)
    if name in ("zone", "locale"):
        return _signed(_by_bytes(subscriber.c[name], dialect), sign, literal(value, Text))
    one = _SQLite(name) if dialect == "sqlite" else _Server(name)
    if isinstance(value, bool):
        return one.is_boolean(value)
    if isinstance(value, str):
        return _signed(_by_bytes(one.text, dialect), sign, literal(value, Text))
    if isinstance(value, date):
        return _signed(_by_bytes(one.day, dialect), sign, literal(value.isoformat(), Text))
    return _signed(cast(one.number, Double), sign, literal(value, Double))


def _joined(sign: str, day: date) -> ColumnElement[Any]:
    """Compare the day of a confirmation, in UTC, by the instants at which a day begins."""
    begins = datetime.combine(day, time(), UTC)
    at = subscription.c.confirmed_at
    this, after = literal(begins, Instant), literal(begins + _DAY, Instant)
    match sign:
        case "<":
            return at < this
        case "<=":
            return at < after
        case ">":
            return at >= after
        case ">=":
            return at >= this
    return and_(at >= this, at < after)


def _signed(left: ColumnElement[Any], sign: str, right: ColumnElement[Any]) -> ColumnElement[Any]:
    match sign:
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case ">=":
            return left >= right
    return left == right


def _by_bytes(value: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    return value if dialect == "sqlite" else collate(value, "C")


class _SQLite:
    """An attribute in an SQLite file."""

    def __init__(self, name: str) -> None:
        # Older versions compare a name with what stands in the file, where other letters are written \\u….
        paths = dict.fromkeys((f'$."{name}"', f"$.{json.dumps(name)}"))
        self._kind = _first(func.json_type(subscriber.c.attributes, path, type_=Text) for path in paths)
        self._value = cast(_first(func.json_extract(subscriber.c.attributes, path) for path in paths), Text)

    @property
    def text(self) -> ColumnElement[Any]:
        return case((self._kind == "text", self._value))

    @property
    def _written(self) -> ColumnElement[Any]:
        return case((self._kind.in_(("text", "integer", "real")), self._value))

    @property
    def day(self) -> ColumnElement[Any]:
        return case((self.text.op("GLOB")(_DAY_LIKE["sqlite"]), self.text))

    @property
    def number(self) -> ColumnElement[Any]:
        # There are no regular expressions: the digits, and then what stands before and behind a point.
        written = self._written
        digits = case((func.substr(written, 1, 1) == "-", func.substr(written, 2)), else_=written)
        point = func.instr(digits, ".")
        behind = func.length(digits) - point
        is_whole = and_(digits.op("NOT GLOB")("*[^0-9]*"), func.length(digits).between(1, 15))
        is_parted = and_(
            digits.op("NOT GLOB")("*[^0-9.]*"),
            digits.op("NOT GLOB")("*.*.*"),
            point.between(2, 10),
            behind.between(1, 6),
        )
        return case((or_(is_whole, is_parted), written))

    def is_boolean(self, wanted: bool) -> ColumnElement[Any]:
        word = "true" if wanted else "false"
        return or_(func.coalesce(self._kind == word, false()), func.coalesce(self.text == word, false()))


class _Server:
    """An attribute on a server."""

    def __init__(self, name: str) -> None:
        written = cast(subscriber.c.attributes, Text)
        # Where anything of a person cannot be read nothing of them can, and most have no such letter at all.
        known = case(
            (func.strpos(written, r"\u") == 0, subscriber.c.attributes),
            (written.op("!~")(_UNREADABLE), subscriber.c.attributes),
        )
        self._kind = func.json_typeof(func.json_extract_path(known, name), type_=Text)
        self._value = func.json_extract_path_text(known, name, type_=Text)

    @property
    def text(self) -> ColumnElement[Any]:
        return case((self._kind == "string", self._value))

    @property
    def _written(self) -> ColumnElement[Any]:
        return case((self._kind.in_(("string", "number")), self._value))

    @property
    def day(self) -> ColumnElement[Any]:
        return case((self.text.op("~")(_DAY_LIKE["postgresql"]), self.text))

    @property
    def number(self) -> ColumnElement[Any]:
        return case((self._written.op("~")(_NUMBER_LIKE), self._written))

    def is_boolean(self, wanted: bool) -> ColumnElement[Any]:
        return self._value == ("true" if wanted else "false")


def _first(values: Any) -> ColumnElement[Any]:
    found = list(values)
    return found[0] if len(found) == 1 else func.coalesce(*found)
