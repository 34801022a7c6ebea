"""Clicks that a provider's own tracking reports: all of them, and which of them look automatic.

The programs that guard mailboxes open links at once, fast, all of them, or for many people from one place.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class Sign(StrEnum):
    """Why a click looks automatic; one of `ALONE` is enough, of the others it takes two."""

    AT_ONCE = "at_once"
    EVERY_LINK = "every_link"
    SWIFT = "swift"
    PROGRAM = "program"
    SHARED = "shared"


#: What each sign says, in words.
SIGNS: Mapping[Sign, str] = {
    Sign.AT_ONCE: "within a second of delivery, or before it",
    Sign.EVERY_LINK: "with every other link of the mail, within ten seconds",
    Sign.SWIFT: "with two other links of the mail, within two seconds",
    Sign.PROGRAM: "by a known program",
    Sign.SHARED: "from a place that clicks for more than twenty people in a minute",
}
ALONE = frozenset({Sign.AT_ONCE, Sign.EVERY_LINK})

_AT_ONCE = timedelta(seconds=1)
_EVERY_LINK = timedelta(seconds=10)
_SWIFT, _SWIFT_LINKS = timedelta(seconds=2), 3
_SHARED, _SHARED_BY = timedelta(seconds=60), 21
#: A mail with one link says nothing when it is clicked.
_FEWEST_LINKS = 2
_PROGRAMS = (
    "barracuda", "bot/", "bot;", "bot ", "crawler", "curl/", "go-http-client", "headlesschrome", "java/",
    "mimecast", "okhttp", "phantomjs", "proofpoint", "python-requests", "python-urllib", "safelinks",
    "scanner", "spider", "symantec", "trendmicro", "urlscan", "wget/",
)  # fmt: skip


@dataclass(frozen=True)
class Click:
    """What was clicked, from where, and whether a known program did."""

    link: str = ""
    visitor: str = ""
    by_program: bool = False

    def hidden(self, salt: bytes) -> "Click":
        """Name link and visitor without keeping them: only whether two are the same can still be told."""
        return replace(self, link=_name(self.link, salt), visitor=_name(self.visitor, salt))


class Hit(NamedTuple):
    """A click on a link of a delivery; `links` is how many its mail has."""

    delivery: Hashable
    at: datetime
    delivered_at: datetime | None
    link: str
    visitor: str
    by_program: bool
    links: int


@dataclass(frozen=True)
class Clicks:
    """How many clicks there were, how many of them look automatic, and by which signs; some have several."""

    raw: int = 0
    automatic: int = 0
    signs: Mapping[Sign, int] = field(default_factory=dict)

    @property
    def others(self) -> int:
        """Count those that do not look automatic."""
        return self.raw - self.automatic


def is_program(agent: str) -> bool:
    """Tell whether a browser says of itself that it is none."""
    said = f"{agent.lower()} "
    return any(name in said for name in _PROGRAMS)


def count(hits: Sequence[Hit]) -> Clicks:
    """Count the clicks on one issue."""
    found = signs_of(hits)
    automatic = [signs for signs in found if signs & ALONE or len(signs) > 1]
    counter = Counter(sign for signs in automatic for sign in signs)
    return Clicks(len(found), len(automatic), {sign: counter[sign] for sign in Sign if counter[sign]})


def signs_of(hits: Sequence[Hit]) -> list[frozenset[Sign]]:
    """Say of each click which signs it has."""
    signs: list[set[Sign]] = [set() for _ in hits]
    for number, sign in _marked(hits):
        signs[number].add(sign)
    return [frozenset(one) for one in signs]


def _marked(hits: Sequence[Hit]) -> Iterator[tuple[int, Sign]]:
    for number, hit in enumerate(hits):
        if hit.delivered_at is not None and hit.at - hit.delivered_at <= _AT_ONCE:
            yield number, Sign.AT_ONCE
        if hit.by_program:
            yield number, Sign.PROGRAM
    for group in _groups(hits, lambda one: one.delivery if one.link else None):
        most = max(hits[group[0]].links, _FEWEST_LINKS)
        yield from ((one, Sign.SWIFT) for one in _crowded(hits, group, _SWIFT, _SWIFT_LINKS, _link))
        yield from ((one, Sign.EVERY_LINK) for one in _crowded(hits, group, _EVERY_LINK, most, _link))
    for group in _groups(hits, lambda one: one.visitor or None):
        yield from ((one, Sign.SHARED) for one in _crowded(hits, group, _SHARED, _SHARED_BY, _delivery))


def _groups(hits: Sequence[Hit], key: Callable[[Hit], Hashable | None]) -> Iterator[list[int]]:
    """Give the numbers of those that belong together, each group by instant."""
    groups: dict[Hashable, list[int]] = {}
    for number in sorted(range(len(hits)), key=lambda one: hits[one].at):
        name = key(hits[number])
        if name is not None:
            groups.setdefault(name, []).append(number)
    yield from groups.values()


def _crowded(
    hits: Sequence[Hit], group: Sequence[int], span: timedelta, most: int, what: Callable[[Hit], Hashable]
) -> Iterator[int]:
    """Give those that stand within `span` of so many different ones."""
    within: Counter[Hashable] = Counter()
    first = told = 0
    for last, number in enumerate(group):
        within[what(hits[number])] += 1
        while hits[number].at - hits[group[first]].at > span:
            gone = what(hits[group[first]])
            within[gone] -= 1
            if not within[gone]:
                del within[gone]
            first += 1
        if len(within) >= most:
            yield from group[max(first, told) : last + 1]
            told = last + 1


def _link(hit: Hit) -> Hashable:
    return hit.link


def _delivery(hit: Hit) -> Hashable:
    return hit.delivery


def _name(text: str, salt: bytes) -> str:
    return hmac.digest(salt, text.encode("utf-8", "replace"), hashlib.sha256).hex()[:16] if text else ""
