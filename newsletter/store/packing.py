"""Rows in one value. A driver hands row after row to Python, and other threads go first between any two."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from newsletter.store.tables import Instant


class _Packed(FunctionElement[Any]):
    """A function as each database writes it: `{0}` is the first of its arguments, `{all}` are all of them."""

    inherit_cache = True
    written: ClassVar[Mapping[str, str]]


@compiles(_Packed)
def _write(element: _Packed, compiler: SQLCompiler, **options: Any) -> str:
    arguments = [compiler.process(clause, **options) for clause in element.clauses]
    return element.written[compiler.dialect.name].format(*arguments, all=", ".join(arguments))


class rows_as_json(_Packed):  # noqa: N801 - it reads as the function of SQL that it is
    """Collect rows of the given columns in one JSON text: in no order, and NULL or `[]` for no rows."""

    type = Text()
    inherit_cache = True
    written: ClassVar = {
        "sqlite": "json_group_array(json_array({all}))",
        "postgresql": "CAST(json_agg(json_build_array({all})) AS text)",
    }


class each_row(_Packed):  # noqa: N801
    """Give the rows of one JSON text, each a JSON array in the column `value`."""

    type = JSON()
    inherit_cache = True
    written: ClassVar = {"sqlite": "json_each({0})", "postgresql": "json_array_elements(CAST({0} AS json))"}


class each_text(_Packed):  # noqa: N801
    """Give the texts of one JSON array of texts, in the column `value`."""

    type = Text()
    inherit_cache = True
    written: ClassVar = {
        "sqlite": "json_each({0})",
        "postgresql": "json_array_elements_text(CAST({0} AS json))",
    }


class cell(_Packed):  # noqa: N801
    """Take a cell of a row that `each_row` gives, by its number, as text."""

    type = Text()
    inherit_cache = True
    written: ClassVar = {"sqlite": "json_extract({0}, '$[{1}]')", "postgresql": "({0} ->> {1})"}


class number_cell(_Packed):  # noqa: N801
    """Take such a cell as a whole number."""

    type = BigInteger()
    inherit_cache = True
    written: ClassVar = {
        "sqlite": "json_extract({0}, '$[{1}]')",
        "postgresql": "CAST({0} ->> {1} AS bigint)",
    }


class instant_cell(_Packed):  # noqa: N801
    """Take such a cell as an instant, which `packed_instant` wrote."""

    type = Instant()
    inherit_cache = True
    written: ClassVar = {
        "sqlite": "json_extract({0}, '$[{1}]')",
        "postgresql": "CAST(({0} ->> {1}) || '+00' AS timestamptz)",
    }


class json_cell(_Packed):  # noqa: N801
    """Take a cell of a row that `each_row` gives, by its number, as the JSON that it is."""

    type = JSON()
    inherit_cache = True
    written: ClassVar = {"sqlite": "json(json_extract({0}, '$[{1}]'))", "postgresql": "({0} -> {1})"}


def packed_instant(at: datetime) -> str:
    """Write an instant for a cell, as an SQLite file keeps it."""
    return at.astimezone(UTC).isoformat(" ", "microseconds")[:26]
