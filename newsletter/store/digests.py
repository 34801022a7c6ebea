"""Say in one hash what a table holds, the same on every database.

The rows are in the order of their primary key, and their values in one form: instants as text in UTC, JSON
with sorted keys, bytes as their own hash, booleans as such.
"""

import json
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from sqlalchemy import JSON, Boolean, Column, LargeBinary, Table

from newsletter.store.tables import deployment

Row = tuple[Any, ...]


class Contents(NamedTuple):
    """What a table holds: how many rows, and their hash."""

    rows: int
    sha256: str


class Digest:
    """The running hash of rows."""

    def __init__(self) -> None:
        self._hash = sha256()
        self.rows = 0

    def add(self, canonical: bytes, rows: int) -> None:
        self._hash.update(canonical)
        self.rows += rows

    @property
    def contents(self) -> Contents:
        return Contents(self.rows, self._hash.hexdigest())


@cache
def columns_of(table: Table) -> tuple[Column[Any], ...]:
    """List what is copied of a table: everything but where the database itself was moved to."""
    return tuple(column for column in table.c if column is not deployment.c.moved_to)


def canonical(table: Table, rows: Sequence[Row]) -> bytes:
    """Write portable rows in the one form that is hashed."""
    forms = _forms(table)
    if forms:
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for at, form in forms:
            columns[at] = [None if value is None else form(value) for value in columns[at]]
        rows = list(zip(*columns, strict=True))
    # However the rows are cut into chunks, the text of all of them is the same.
    return orjson.dumps(rows)[1:-1] + b","


@cache
def _forms(table: Table) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    found = ((at, _form(column)) for at, column in enumerate(columns_of(table)))
    return tuple((at, form) for at, form in found if form is not None)


def _form(column: Column[Any]) -> Callable[[Any], Any] | None:
    if isinstance(column.type, JSON):
        return _sorted_json
    if isinstance(column.type, LargeBinary):
        return _hash_of
    return bool if isinstance(column.type, Boolean) else None


@lru_cache(maxsize=1024)
def _sorted_json(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return text


def _hash_of(value: bytes) -> str:
    # A picture need not be in the memory several times.
    return sha256(value).hexdigest()
