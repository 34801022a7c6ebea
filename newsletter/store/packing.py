"""Rows in one value. A driver hands row after row to Python, and other threads go first between any two."""

from typing import Any

from sqlalchemy import JSON, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class rows_as_json(FunctionElement[str]):  # noqa: N801 - it reads as the function of SQL that it is
    """Collect rows of the given columns in one JSON text: in no order, and NULL or `[]` for no rows."""

    type = Text()
    inherit_cache = True


@compiles(rows_as_json, "sqlite")
def _in_sqlite(element: rows_as_json, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **options)}))"


@compiles(rows_as_json, "postgresql")
def _on_a_server(element: rows_as_json, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(json_agg(json_build_array({compiler.process(element.clauses, **options)})) AS text)"


class each_row(FunctionElement[Any]):  # noqa: N801
    """Give the rows of one JSON text, each a JSON array in the column `value`."""

    type = JSON()
    inherit_cache = True


@compiles(each_row, "sqlite")
def _rows_in_sqlite(element: each_row, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(each_row, "postgresql")
def _rows_on_a_server(element: each_row, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **options)} AS json))"


class each_text(FunctionElement[str]):  # noqa: N801
    """Give the texts of one JSON array of texts, in the column `value`."""

    type = Text()
    inherit_cache = True


@compiles(each_text, "sqlite")
def _texts_in_sqlite(element: each_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(each_text, "postgresql")
def _texts_on_a_server(element: each_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS json))"


class cell(FunctionElement[str]):  # noqa: N801
    """Take a cell of a row that `each_row` gives, as text."""

    type = Text()
    inherit_cache = True


@compiles(cell, "sqlite")
def _cell_in_sqlite(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    row, number = (compiler.process(clause, **options) for clause in element.clauses)
    return f"json_extract({row}, '$[{number}]')"


@compiles(cell, "postgresql")
def _cell_on_a_server(element: cell, compiler: SQLCompiler, **options: Any) -> str:
    row, number = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({row} ->> {number})"


class json_cell(FunctionElement[Any]):  # noqa: N801
    """Take a cell of a row that `each_row` gives, as the JSON that it is."""

    type = JSON()
    inherit_cache = True


@compiles(json_cell, "sqlite")
def _json_cell_in_sqlite(element: json_cell, compiler: SQLCompiler, **options: Any) -> str:
    return f"json({_cell_in_sqlite(element, compiler, **options)})"


@compiles(json_cell, "postgresql")
def _json_cell_on_a_server(element: json_cell, compiler: SQLCompiler, **options: Any) -> str:
    row, number = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({row} -> {number})"
