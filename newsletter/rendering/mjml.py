"""MJML becomes HTML here and nowhere else. The compiler sees templates and tokens only, in ASCII."""

import re

from mjml import mjml2html

from newsletter.errors import TemplateError
from newsletter.rendering.deviations import in_line, mended
from newsletter.rendering.structure import Marked, check_structure

_POSITION = re.compile(r"position (\d+):")


def compile_mjml(marked: Marked) -> str:
    """Check MJML and compile it to what the reference implementation of MJML would write.

    Raises TemplateError with the template's line, whatever the compiler does: it panics on some input.
    """
    check_structure(marked)
    source = in_line(marked.mjml)
    try:
        compiled = mjml2html(source, fonts={})
    except ValueError as error:
        raise _refused(error, marked, source) from error
    except BaseException as error:
        # A panic of the compiler is no Exception; its class cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise _refused(error, marked, source) from error
    return mended(compiled)


def _refused(error: BaseException, marked: Marked, source: str) -> TemplateError:
    position = _POSITION.search(str(error))
    # Offsets are the compiler's own; where it was given other text than the templates wrote, they only hint.
    offset = int(position.group(1)) if position and source == marked.mjml else 0
    return TemplateError(f"this MJML cannot be compiled: {error}", place=marked.place_at(offset))
