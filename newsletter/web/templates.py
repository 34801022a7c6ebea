"""The templates of the pages: a letter's own replace the shipped ones, file by file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateSyntaxError
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.errors import Place, TemplateError
from newsletter.rendering.compiled import CompiledTemplates

_COMPILED = CompiledTemplates()


class Templates:
    """Find templates in the first of some `templates/web/` folders that has them, and fill them in."""

    def __init__(self, folders: Sequence[Path]) -> None:
        # The sandbox: who may write a page is not therefore allowed to run Python.
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(list(folders)),
            autoescape=True,
            undefined=StrictUndefined,
            bytecode_cache=_COMPILED,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def require(self, *names: str) -> None:
        """Compile templates now; raises TemplateError with the file and line of a broken or missing one."""
        for name in names:
            self._get(name)

    def fill(self, name: str, **values: Any) -> str:
        """Fill in a template, everything escaped; raises TemplateError where it cannot be done."""
        template = self._get(name)
        try:
            return template.render(values)
        except JinjaError as error:
            place = Place(f"templates/web/{name}", getattr(error, "lineno", None) or _line_in(name, error))
            raise TemplateError(error.message or type(error).__name__, place=place) from error

    def read(self, name: str) -> str:
        """Return a file as it stands, such as a style sheet."""
        return self._environment.loader.get_source(self._environment, name)[0]  # type: ignore[union-attr]

    def _get(self, name: str) -> Template:
        try:
            return self._environment.get_template(name)
        except TemplateSyntaxError as error:
            place = Place(f"templates/web/{error.name or name}", error.lineno)
            raise TemplateError(error.message or "the template cannot be read", place=place) from error
        except JinjaError as error:
            raise TemplateError("the template is missing", place=Place(f"templates/web/{name}")) from error


def _line_in(name: str, error: JinjaError) -> int:
    # Jinja2 rewrites the traceback so that its innermost template frame has the template's own line.
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename.endswith(name):
            line = step.tb_lineno
        step = step.tb_next
    return line
