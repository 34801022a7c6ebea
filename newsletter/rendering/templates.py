"""Jinja2 as templates of an email see it: sandboxed, strict about names, and unable to forget to escape."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jinja2 import (
    Environment,
    FunctionLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateRuntimeError,
    TemplateSyntaxError,
    pass_context,
)
from jinja2 import TemplateError as JinjaError
from jinja2.ext import Extension
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.domain.blocks import Block
from newsletter.domain.pieces import FIELDS, Field, fence
from newsletter.domain.slugs import offer
from newsletter.errors import TemplateError
from newsletter.rendering.compiled import CompiledTemplates
from newsletter.rendering.sources import FOLDER, Source, place_of
from newsletter.rendering.theme import Theme
from newsletter.rendering.tokens import Literal, as_text, as_token
from newsletter.rendering.wrapping import WIDTH, columns, hang, underline, wrap

#: Stands before each tag that a template wrote, with the template, the line and the column it came from.
MARK = re.compile("\x01([^\x01]*):([0-9]+):([0-9]+)\x01")
# These make text that is taken for markup, which content must never become.
_WITHHELD = ("e", "escape", "forceescape", "safe", "tojson", "urlize", "xmlattr")
_COMPILED_MJML, _COMPILED_TEXT = CompiledTemplates(), CompiledTemplates()
# What a wrong expression raises, besides Jinja2's own errors.
_MISTAKES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Templates:
    """Fill in templates of one kind: `mjml` with tokens, or `text`."""

    def __init__(self, environment: Environment, names: Iterable[str]) -> None:
        self._environment = environment
        self._names = sorted(names)

    def fill(self, name: str, values: Mapping[str, Any]) -> str:
        """Fill in a template; raises TemplateError with the file and line of what is wrong."""
        try:
            return self._environment.get_template(name).render(values)
        except TemplateSyntaxError as error:
            message = error.message or "this cannot be read"
            file = (error.filename or name).removeprefix(f"{FOLDER}/")
            raise TemplateError(message, place=place_of(file, error.lineno)) from error
        except TemplateNotFound as error:
            raise self._missing(error, name) from error
        except (JinjaError, *_MISTAKES) as error:
            raise TemplateError(_wording(error), place=place_of(*_origin(error, name))) from error

    def _missing(self, error: TemplateNotFound, name: str) -> TemplateError:
        asked = str(error.name)
        place = place_of(*_origin(error, name))
        return TemplateError(f"there is no template {asked!r}", place=place, mend=offer(asked, self._names))


def mjml_templates(sources: Mapping[str, Source], theme: Theme) -> Templates:
    """Make the templates whose output is MJML: whatever content they write becomes a token."""
    environment = _environment(sources, theme, as_token, extensions=[_Marks], autoescape=True)
    for name in _WITHHELD:
        del environment.filters[name]
    environment.globals["stack"] = _stacked_rows
    environment.bytecode_cache = _COMPILED_MJML
    return Templates(environment, sources)


def text_templates(sources: Mapping[str, Source], theme: Theme) -> Templates:
    """Make the templates of the plain text part."""
    environment = _environment(sources, theme, as_text, extensions=[], autoescape=False)
    environment.filters.update(wrap=wrap, hang=hang, underline=underline)
    environment.globals.update(columns=columns, stack=_stacked_lines)
    environment.bytecode_cache = _COMPILED_TEXT
    return Templates(environment, sources)


@pass_context
def _stacked_rows(
    context: Context, blocks: Sequence[Block], *, nested: bool = True, before: Block | None = None
) -> str:
    """Write blocks by the partials of their kinds; inside another block they are no rows of their own.

    Each partial sees as `before` the block that it comes after: of the first one that is the one given.
    """
    parts = []
    for block in blocks:
        parts.append(_part(context, block, "mjml", nested=nested, before=before))
        before = block
    return Literal("".join(parts))


@pass_context
def _stacked_lines(context: Context, blocks: Sequence[Block], width: int = WIDTH) -> str:
    """Write blocks by the text twins of their kinds, with one empty line between."""
    parts = [_part(context, block, "txt", width=width).strip("\n") for block in blocks]
    return "\n\n".join(part for part in parts if part)


def _part(context: Context, block: Block, ending: str, **extra: object) -> str:
    values = {**context.get_all(), **extra, "block": block}
    template = context.environment.get_template(f"{block.kind}.{ending}.j2")
    # Not `render`: the outermost template alone turns an error's traceback into one of templates.
    return "".join(template.root_render_func(template.new_context(values, shared=True)))


def _find(sources: Mapping[str, Source], name: str) -> tuple[str, str, None] | None:
    if (source := sources.get(name)) is None:
        return None
    # The file name is what tracebacks carry, which is how an error finds its place.
    return source.text, f"{FOLDER}/{source.name}", None


class _Marks(Extension):
    """Mark each tag with its line and column, so that what is wrong with the whole is found in a file."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Put a mark before each `<` that stands in no expression, statement or comment."""
        parts: list[str] = []
        position = 0
        place = _Reading(source, (filename or "").removeprefix(f"{FOLDER}/"))
        for _, kind, value in self.environment.lexer.tokeniter(source, name or "", filename):
            start = source.find(value, position)
            parts.append(source[position:start])
            position = start + len(value)
            parts.append(place.marked(start, value) if kind == "data" else value)
        return "".join([*parts, source[position:]])


class _Reading:
    """Reads a template once from front to back, and counts its lines meanwhile."""

    def __init__(self, source: str, name: str) -> None:
        self._source = source
        self._name = name
        self._line, self._begins, self._read_to = 1, 0, 0

    def marked(self, start: int, data: str) -> str:
        """Put a mark before each `<` of the data that begins at `start`."""
        return re.sub("<", lambda match: self._mark(start + match.start()), data)

    def _mark(self, offset: int) -> str:
        if lines := self._source.count("\n", self._read_to, offset):
            self._line += lines
            self._begins = self._source.rindex("\n", 0, offset) + 1
        self._read_to = offset
        return f"\x01{self._name}:{self._line}:{offset - self._begins + 1}\x01<"


def _environment(
    sources: Mapping[str, Source],
    theme: Theme,
    finalize: Callable[[Any], str],
    *,
    extensions: list[type[Extension]],
    autoescape: bool,
) -> Environment:
    # The sandbox: who may write a template is not therefore allowed to run Python.
    environment = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(lambda name: _find(sources, name)),
        autoescape=autoescape,
        extensions=extensions,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not autoescape,
        auto_reload=False,
    )
    fields = {name: fence(Field(name)) for name in sorted(FIELDS)}
    environment.globals.update(theme=theme, fields=fields, field=_field)
    return environment


def _field(name: str, fallback: str) -> str:
    """Write a field with what stands in for an empty value."""
    if name not in FIELDS:
        raise TemplateRuntimeError(f"there is no field {name!r}; {offer(name, sorted(FIELDS))}")
    return fence(Field(name, fallback))


def _wording(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "these templates include one another without end"
    return str(error) or type(error).__name__


def _origin(error: Exception, name: str) -> tuple[str, int]:
    # Jinja2 rewrites the traceback so that a template's frame has the template's own name and line.
    found, step = (name, 0), error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if file.startswith(FOLDER):
            found = (file.removeprefix(f"{FOLDER}/"), step.tb_lineno)
        step = step.tb_next
    return found
