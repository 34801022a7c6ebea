"""Rows in one value. A driver hands row after row to Python, and other threads go first between any two."""

from typing import Any

from sqlalchemy import Text
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
