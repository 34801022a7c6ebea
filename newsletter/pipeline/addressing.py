"""Make recipients out of members: the links and ids that are one person's alone."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
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
    """What a repeat of a call must say again: who, under which names, links and date."""

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
    frozen: Frozen, keys: TokenKeys, key: str, keep: Mapping[int, object] | None = None
) -> Sequence[Recipient]:
    """Return the recipients of a frozen call under its key; with `keep` only those at its positions.

    The Message-ID is derived, so that the same delivery has the same one whenever it is made.
    """
    return [
        _recipient(frozen, keys, key, *member)
        for member in frozen.members
        if keep is None or member[0] in keep
    ]


def _recipient(
    frozen: Frozen,
    keys: TokenKeys,
    key: str,
    pos: int,
    subscriber_id: int,
    address: str,
    name: str,
    series_id: int,
    issue_id: int,
    occasion: int,
) -> Recipient:
    grant = Grant(series_id, subscriber_id, issue_id, occasion)
    unsubscribe = keys.sign(Purpose.UNSUBSCRIBE, grant, key_id=frozen.key_id)
    view = keys.sign(Purpose.VIEW, grant, key_id=frozen.key_id)
    return Recipient(
        pos=pos,
        subscriber_id=subscriber_id,
        address=address,
        name=name,
        message_id=f"<{keys.mark(Purpose.MESSAGE_ID, grant, frozen.key_id)}@{frozen.domain}>",
        unsubscribe_url=f"{frozen.public_url}/u/{unsubscribe}",
        view_url=f"{frozen.public_url}/w/{view}",
        reference=f"{key}-{pos}",
    )
