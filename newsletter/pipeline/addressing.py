"""Make recipients out of members: the links and ids that are one person's alone."""

import zlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from newsletter.domain.message import Recipient
from newsletter.domain.subscriber import safe_name
from newsletter.domain.tokens import Grant, Purpose, TokenKeys
from newsletter.store.claims import Member


@dataclass(frozen=True)
class Frozen:
    """What a repeat of a call must say again: who, under which names, links and date.

    A member is position, subscriber, address, name, series, issue and occasion.
    """

    date: datetime
    key_id: str
    public_url: str
    domain: str
    members: tuple[tuple[int, int, str, str, int, int, int], ...]

    def dump(self) -> bytes:
        """Write as one compressed blob."""
        return zlib.compress(orjson.dumps(self.__dict__), 1)

    @classmethod
    def load(cls, blob: bytes) -> "Frozen":
        """Read what `dump` wrote."""
        values: dict[str, Any] = orjson.loads(zlib.decompress(blob))
        members = tuple(tuple(member) for member in values.pop("members"))
        return cls(**{**values, "members": members, "date": datetime.fromisoformat(values["date"])})


def freeze(members: Iterable[Member], *, date: datetime, key_id: str, public_url: str, domain: str) -> Frozen:
    """Fix what a call says for its members."""
    rows = tuple(
        (
            one.pos,
            one.subscriber_id,
            one.address or "",
            safe_name(one.name),
            one.series_id,
            one.issue_id,
            one.occasion,
        )
        for one in members
    )
    return Frozen(date, key_id, public_url, domain, rows)


def recipients(
    frozen: Frozen, keys: TokenKeys, key: str, keep: Container[int] | None = None
) -> Sequence[Recipient]:
    """Return the recipients of a frozen call under its key; with `keep` only those at its positions.

    The Message-ID is derived, so that the same delivery has the same one whenever it is made.
    """
    chosen = [member for member in frozen.members if keep is None or member[0] in keep]
    grants = [Grant(member[4], member[1], member[5], member[6]) for member in chosen]
    key_id = frozen.key_id
    marks = keys.mark_each(Purpose.MESSAGE_ID, grants, key_id)
    unsubscribe = keys.sign_each(Purpose.UNSUBSCRIBE, grants, key_id=key_id)
    view = keys.sign_each(Purpose.VIEW, grants, key_id=key_id)
    url, domain = frozen.public_url, frozen.domain
    return [
        Recipient(
            pos=member[0],
            subscriber_id=member[1],
            address=member[2],
            name=member[3],
            message_id=f"<{mark}@{domain}>",
            unsubscribe_url=f"{url}/u/{leave}",
            view_url=f"{url}/w/{look}",
            reference=f"{key}-{member[0]}",
        )
        for member, mark, leave, look in zip(chosen, marks, unsubscribe, view, strict=True)
    ]
