"""Find the person whom somebody at the command line means."""

from collections.abc import Iterator
from difflib import get_close_matches

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection

from newsletter.domain.subscriber import Subscriber, address_hash
from newsletter.errors import UnknownTarget
from newsletter.store import meeting, subscribers

#: An address that is less alike is somebody else's.
_ALIKE = 0.85


def meet(tx: Connection, address: str, salt: bytes) -> tuple[int, Subscriber]:
    """Find a person with their id by their address; raises UnknownTarget, which offers the nearest."""
    for spelling in spellings(address):
        hash_ = address_hash(spelling, salt)
        id_ = subscribers.ids_by_hash(tx, [hash_]).get(hash_)
        person = subscribers.get(tx, id_) if id_ is not None else None
        if id_ is not None and person is not None:
            return id_, person
    kept = {one.lower(): one for one in meeting.like(tx, address)}
    near = get_close_matches(address.strip().lower(), kept, 1, _ALIKE)
    mend = f"did you mean {kept[near[0]]!r}?" if near else "see: newsletter subscribers list"
    raise UnknownTarget(f"nobody has the address {address!r}", mend=mend)


def spellings(address: str) -> Iterator[str]:
    """Yield an address as it was typed, and as it is kept if that is another."""
    yield address
    try:
        kept = validate_email(address.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        return
    if kept != address:
        yield kept
