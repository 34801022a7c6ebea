"""Every answer the web gives, with the headers that each kind needs."""

import re
from collections.abc import Mapping

from fastapi import Response

from newsletter.domain.revision import Media

_ALWAYS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}
_NOTHING = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
_PAGE = f"{_NOTHING}; style-src 'unsafe-inline'; img-src data:; form-action 'self'"
_BARE_MAIL = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'"
_MAIL = f"{_BARE_MAIL}; img-src 'self' https: data:"
_BODY, _BODY_ENDS = re.compile(r"<body\b[^>]*>", re.IGNORECASE), re.compile("</body>", re.IGNORECASE)
_POPUPS = "allow-popups allow-popups-to-escape-sandbox"
# Without scripts the frame's own origin gives the mail nothing; the page around it needs it to measure its
# height, so that scrolling is the page's and survives a reload. Never add allow-scripts beside it.
FRAME_SANDBOX = f"allow-same-origin {_POPUPS}"


def page(html: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with one of our own pages."""
    return _answer(html, "text/html", _PAGE, status, headers)


def plain(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a program, or a mail client."""
    return _answer(text, "text/plain", _NOTHING, status, headers)


def mail(html: str) -> Response:
    """Show an email as a page: no script, no form, an origin of its own; and a landmark, as no mail has."""
    page = _BODY_ENDS.sub(r"</main>\g<0>", _BODY.sub(r"\g<0><main>", html, count=1), count=1)
    return _answer(page, "text/html", f"{_MAIL}; frame-ancestors 'none'; sandbox {_POPUPS}")


def framed_mail(html: str, *, has_images: bool = True) -> Response:
    """Show an email inside the studio; without images none is even asked for."""
    policy = _MAIL if has_images else _BARE_MAIL
    return _answer(html, "text/html", f"{policy}; frame-ancestors 'self'; sandbox {FRAME_SANDBOX}")


def media(found: Media) -> Response:
    """Answer with a picture, which never changes: its name is its content's hash."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    # An SVG is a document when it is opened by itself: the sandbox keeps it from running anything.
    policy = f"{_NOTHING}; style-src 'unsafe-inline'; sandbox"
    return _answer(found.data, found.content_type, policy, headers=headers)


def asset(text: str, content_type: str) -> Response:
    """Answer with a script or a style sheet of our own."""
    return _answer(text, content_type, _NOTHING)


def feed(data: bytes, content_type: str) -> Response:
    """Answer a reader of feeds."""
    return _answer(data, content_type, _NOTHING)


def download(data: bytes, name: str) -> Response:
    """Answer with a file of JSON to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return _answer(data, "application/json", _NOTHING, headers=headers)


def studio(html: str, status: int = 200) -> Response:
    """Answer with the studio, which may run its own scripts and nothing else."""
    sources = "style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:"
    return _answer(html, "text/html", f"{_NOTHING}; form-action 'none'; {sources}", status)


def _answer(
    content: str | bytes,
    content_type: str,
    policy: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    named = {**_ALWAYS, "Content-Security-Policy": policy, **(headers or {})}
    return Response(content, status, named, media_type=content_type)
