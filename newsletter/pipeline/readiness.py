"""Refuse to send for real while mail would go out without a way out."""

from collections.abc import Callable
from urllib.parse import urlsplit

from newsletter.domain.desk import PROBE_ANSWER
from newsletter.domain.letter import Publication
from newsletter.domain.provider import Capabilities
from newsletter.domain.tokens import Grant, Purpose, TokenKeys
from newsletter.errors import Place, Refused

_FILE = Place("newsletter.toml")


def refuse_unready(capabilities: Capabilities, publication: Publication, public_url: str) -> None:
    """Check the settings that every real mail needs.

    Raises Refused that names the key; a rehearsal needs none of them.
    """
    if not capabilities.rehearsal:
        refuse_missing_way_out(capabilities.name, public_url)
        refuse_missing_address(capabilities.name, publication)


def refuse_missing_way_out(provider: str, public_url: str) -> None:
    """Raise Refused where mails of a provider would lead to no page that is safe to be led to."""
    if not public_url:
        raise Refused(
            f"{provider} cannot be used without public_url: nobody could unsubscribe",
            place=_FILE,
            mend='write public_url = "https://…", where the public pages answer',
        )
    parts = urlsplit(public_url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise Refused(
            f"public_url = {public_url!r} must begin with https:// (RFC 8058 §3.1)", place=_FILE,
            mend="serve the public pages over TLS",
        )  # fmt: skip


def refuse_missing_address(provider: str, publication: Publication) -> None:
    """Raise Refused where mails of a provider would not say where their sender is found."""
    if not publication.postal_address:
        raise Refused(
            f"{provider} cannot be used without postal_address: every mail must carry it",
            place=_FILE,
            mend='write postal_address = "…"',
        )


def refuse_silent_way_out(public_url: str, keys: TokenKeys, probe: Callable[[str, str], str | None]) -> None:
    """Ask the public URL for its unsubscribe route, as a subscriber would reach it.

    `probe` takes an address and what it should answer, and returns what was wrong. Raises Refused where the
    route does not answer with the keys that sign our links.
    """
    token = keys.sign(Purpose.PROBE, Grant(0, 0))
    wrong = probe(f"{public_url.rstrip('/')}/u/{token}", PROBE_ANSWER)
    if wrong:
        raise Refused(
            f"the unsubscribe route at public_url = {public_url!r} does not answer: {wrong}",
            place=_FILE,
            mend="point public_url at `newsletter run` or `newsletter web`",
        )
