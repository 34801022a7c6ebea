"""MJML becomes HTML here and nowhere else. The compiler sees templates and tokens only, in ASCII."""

import re

from mjml import mjml2html

from newsletter.errors import TemplateError
from newsletter.rendering.structure import Marked, check_structure

_TAG = re.compile(r"<[a-zA-Z][^<>]*[\n\t\\][^<>]*>")
_SPACING = re.compile(r"(?<=\s)((?:inner-)?(?:padding|border-radius)\s*=\s*\")([^\"]*)\"")
_SHORT_COLOUR = re.compile(r"(=\s*[\"']#)([0-9a-fA-F])([0-9a-fA-F])([0-9a-fA-F])(?=[\"'])")
_POSITION = re.compile(r"position (\d+):")
_ADJACENT = "<![endif]--><!--[if mso | IE]>"
_STRAY = re.compile(r'(<td\b[^>]*?) vertical-align="[a-z]+"')


def compile_mjml(marked: Marked) -> str:
    """Check and compile MJML.

    Raises TemplateError with the template's line, whatever the compiler does: it panics on some input.
    """
    check_structure(marked)
    source = _written_safely(marked.mjml)
    try:
        compiled = mjml2html(source, fonts={})
    except ValueError as error:
        raise _refused(error, marked, source) from error
    except BaseException as error:
        # A panic of the compiler is no Exception; its class cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise _refused(error, marked, source) from error
    return _mended(compiled)


def _written_safely(mjml: str) -> str:
    # mrml 6.0.1 prints attributes as Rust debug strings, and loses a shorthand that holds a bare 0.
    flat = _TAG.sub(lambda tag: re.sub(r"\s+", " ", tag.group()).replace("\\", "&#92;"), mjml)
    sized = _SPACING.sub(
        lambda a: a.group(1) + re.sub(r"(?<![\d.])0(?![\d.%a-z])", "0px", a.group(2)) + '"', flat
    )
    return _SHORT_COLOUR.sub(r"\1\2\2\3\3\4\4", sized).encode("ascii", "xmlcharrefreplace").decode()


def _mended(compiled: str) -> str:
    # Outlook's tables may be closed and opened in one conditional; the stray attribute is no HTML.
    return _STRAY.sub(r"\1", compiled.replace(_ADJACENT, ""))


def _refused(error: BaseException, marked: Marked, source: str) -> TemplateError:
    position = _POSITION.search(str(error))
    # Offsets are the compiler's own; where it was given other text than the templates wrote, they only hint.
    offset = int(position.group(1)) if position and source == marked.mjml else 0
    return TemplateError(f"this MJML cannot be compiled: {error}", place=marked.place_at(offset))
