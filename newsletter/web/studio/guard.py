"""Keep other web pages from pressing the studio's one button."""

import secrets
from hmac import compare_digest

from fastapi import HTTPException, Request

HEADER = "x-studio-token"


class Guard:
    """Know the studio's own requests: they name its origin, and the token that stands in its page."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)

    def refuse_foreign(self, request: Request) -> None:
        """Raise 403 for a request that another page, or a program that has not read ours, has made."""
        # The host is one of ours by now: any other name that points here is refused before.
        own = f"{request.url.scheme}://{request.headers.get('host', '')}"
        given = request.headers.get(HEADER, "")
        is_own = request.headers.get("origin") == own and compare_digest(given.encode(), self.token.encode())
        if not is_own:
            raise HTTPException(403)
