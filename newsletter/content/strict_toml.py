"""Read a TOML text into a model, strictly; every error names its line, an unknown key its neighbour."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from newsletter.content.toml_lines import KeyPath, line_of
from newsletter.domain.slugs import offer
from newsletter.errors import LetterError, NewsletterError, Place

__all__ = ["StrictTable", "Unusable", "line_of", "read_toml"]

Model = TypeVar("Model", bound=BaseModel)

_MUST_BE = {
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list in [brackets]",
    "model_type": "a table",
    "dict_type": "a table",
    "date_type": "a date such as 2026-12-01, without quotes",
}
_MENDS = {
    "invalid value": "text stands in quotes",
    "cannot overwrite": "a key stands there twice",
    "cannot declare": "a table stands there twice",
    "expected '='": "a line reads key = value",
    "invalid statement": "a line reads key = value",
    "unterminated string": "close the quotes",
    "illegal character": "remove it, or close the quotes before it",
}


class StrictTable(BaseModel):
    """A table of a TOML file: unknown keys and loose types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


class Unusable(ValueError):
    """What a model's validator raises: a sentence of its own, and how to mend it."""

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend


def read_toml(
    text: str, file: str, model: type[Model], *, error: type[NewsletterError] = LetterError
) -> Model:
    """Read a TOML text into a model.

    Raises `error` for the first thing that cannot be used. An unknown key goes before a missing one, which
    it often explains.
    """
    text = text.removeprefix("\ufeff")
    try:
        tables = tomllib.loads(text)
    except RecursionError:
        raise error("the file is nested too deeply to be read", place=Place(file)) from None
    except ValueError as cause:
        raise _syntax_error(text, file, str(cause), error) from cause
    try:
        return model.model_validate(tables)
    except ValidationError as cause:
        raise _first_error(text, file, model, cause, error) from None


def _syntax_error(text: str, file: str, message: str, error: type[NewsletterError]) -> NewsletterError:
    what, _, where = message.rpartition(" (at ")
    what = what or message
    found = re.match(r"line (\d+)", where)
    line = int(found.group(1)) if found else len(text.rstrip().split("\n"))
    mend = next((mend for start, mend in _MENDS.items() if what.lower().startswith(start)), "")
    return error(f"this is not TOML: {what[:1].lower()}{what[1:]}", place=Place(file, line), mend=mend)


def _first_error(
    text: str, file: str, model: type[BaseModel], cause: ValidationError, error: type[NewsletterError]
) -> NewsletterError:
    found = [(details["type"] != "extra_forbidden", line_of(text, details["loc"]), details)
             for details in cause.errors(include_url=False)]  # fmt: skip
    _, line, details = min(found, key=lambda one: one[:2])
    message, mend = _sentence(model, details)
    return error(message, place=Place(file, line), mend=mend)


def _sentence(model: type[BaseModel], details: ErrorDetails) -> tuple[str, str]:
    loc, kind = details["loc"], details["type"]
    name = _name(loc)
    if kind == "extra_forbidden":
        return f"unknown key {name}", offer(str(loc[-1]), _known_keys(model, loc[:-1]))
    if kind == "missing":
        return f"the key {name} is missing", ""
    own = details.get("ctx", {}).get("error")
    if isinstance(own, Unusable):
        return own.message, own.mend
    if kind == "too_short":
        return f"{name} must have at least one entry", ""
    if kind in _MUST_BE:
        return f"{name} must be {_MUST_BE[kind]}", ""
    return f"{name} must be {details['msg'].removeprefix('Input should be ')}", ""


def _name(loc: KeyPath) -> str:
    keys = [str(part) for part in loc if isinstance(part, str)]
    if not keys:
        return "the file"
    entry = "an entry of " if isinstance(loc[-1], int) else ""
    table = f" of [{'.'.join(keys[:-1])}]" if keys[:-1] else ""
    return f"{entry}{keys[-1]!r}{table}"


def _known_keys(model: type[BaseModel], loc: KeyPath) -> list[str]:
    for part in loc:
        if isinstance(part, str):
            fields = {field.alias or name: field for name, field in model.model_fields.items()}
            model = next(_models_in(fields[part].annotation), model) if part in fields else model
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
