"""Make recipients out of members: the links and ids that are one person's alone."""

import zlib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from newsletter.domain.message import Recipient
from newsletter.domain.notices import DOORS, Door
from newsletter.domain.subscriber import safe_name
from newsletter.domain.tokens import Purpose, TokenKeys, pack

if TYPE_CHECKING:
    # The process that calls knows no database, and need not load what does.
    from newsletter.store.claims import About, Member

DOORS_BY_SLUG: Mapping[str, Door] = {notice.value: door for notice, door in DOORS.items()}


@dataclass(frozen=True)
class Frozen:
    """What a repeat of a call must say again: who, under which names, links and date.

    A member is position, subscriber, address, name, series, issue and occasion. `notice` is the slug of a
    mail that is no issue, and holds a link of its own.
    """

    date: datetime
    key_id: str
    public_url: str
    domain: str
    members: tuple[tuple[int, int, str, str, int, int, int], ...]
    notice: str = ""

    def dump(self) -> bytes:
        """Write as one compressed blob."""
        return zlib.compress(orjson.dumps(self.__dict__), 1)

    @classmethod
    def load(cls, blob: bytes) -> "Frozen":
        """Read what `dump` wrote."""
        values: dict[str, Any] = orjson.loads(zlib.decompress(blob))
        members = tuple(tuple(member) for member in values.pop("members"))
        return cls(**{**values, "members": members, "date": datetime.fromisoformat(values["date"])})


def freeze(
    members: Iterable["Member"],
    about: "About",
    *,
    date: datetime,
    key_id: str,
    public_url: str,
    domain: str,
    notice: str = "",
) -> Frozen:
    """Fix what a call says for its members.

    A notice names nobody: whoever typed the address may have typed the name, too.
    """
    rows = tuple(
        (pos, id_, address, "" if notice else safe_name(name), *about)
        for pos, id_, address, name, *_ in members
    )
    return Frozen(date, key_id, public_url, domain, rows, notice)


def recipients(
    frozen: Frozen, keys: TokenKeys, key: str, keep: Container[int] | None = None
) -> Sequence[Recipient]:
    """Return the recipients of a frozen call under its key; with `keep` only those at its positions.

    The Message-ID is derived, so that the same delivery has the same one whenever it is made.
    """
    chosen = [member for member in frozen.members if keep is None or member[0] in keep]
    if not chosen:
        return []
    positions, ids, addresses, names, *grants = zip(*chosen, strict=True)
    series, issues, occasions = grants
    payloads = pack(zip(series, ids, issues, occasions, strict=True))
    url, key_id = frozen.public_url, frozen.key_id
    marks = keys.mark_each(Purpose.MESSAGE_ID, payloads, key_id)
    people = list(
        map(
            Recipient,
            positions,
            ids,
            addresses,
            names,
            [f"<{mark}@{frozen.domain}>" for mark in marks],
            keys.sign_each(Purpose.UNSUBSCRIBE, payloads, key_id=key_id, before=f"{url}/u/"),
            keys.sign_each(Purpose.VIEW, payloads, key_id=key_id, before=f"{url}/w/"),
            [f"{key}-{pos}" for pos in positions],
            keys.sign_each(Purpose.CHOOSE, payloads, key_id=key_id, before=f"{url}/p/"),
        )
    )
    door = DOORS_BY_SLUG.get(frozen.notice)
    return people if door is None else _with_links(people, payloads, door, frozen, keys)


def _with_links(
    people: Sequence[Recipient], payloads: Sequence[str], door: Door, frozen: Frozen, keys: TokenKeys
) -> Sequence[Recipient]:
    # From the date of the mail, so that a repeat has the same link.
    until = int((frozen.date + door.lasts).timestamp()) if door.lasts else 0
    before = f"{frozen.public_url}/{door.path}/"
    links = keys.sign_each(door.purpose, payloads, key_id=frozen.key_id, until=until, before=before)
    return [one._replace(action_url=link) for one, link in zip(people, links, strict=True)]
