"""Pages of one heading and one sentence."""

from collections.abc import Mapping

from fastapi import Response

from newsletter.errors import TemplateError
from newsletter.web import answers
from newsletter.web.templates import Templates


def say(
    templates: Templates,
    status: int,
    heading: str,
    sentence: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Say what happened and what to do next."""
    try:
        html = templates.fill("message.html.j2", heading=heading, sentence=sentence)
    except TemplateError:
        # A letter's own template may fail only when it is filled in; an error page must not.
        return answers.plain(f"{heading}. {sentence}\n", status, headers)
    return answers.page(html, status, headers)
