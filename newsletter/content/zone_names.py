"""The zones that a cadence can have: places, whose summer time the tz database knows, and UTC."""

import re
from functools import cache

from newsletter.content.strict_toml import Unusable
from newsletter.domain.slugs import offer
from newsletter.domain.zones import A_PLACE, all_zones

_UTC = ("UTC", "Etc/UTC")
# Names of the tz database that mean an offset, and how people write one.
_FIXED = re.compile(
    r"EST|MST|HST|GMT0?|Greenwich|UCT|Universal|Zulu|Etc/.*"
    r"|(?:UTC|GMT|Z)?(?P<hours>[+-]\d{1,2})(?::?\d\d)?"
)
_POSIX = re.compile(r"Etc/GMT(?P<hours>[+-]\d{1,2})")
_OFFSETS = {"EST": -5, "MST": -7, "HST": -10}
#: A large place for every whole offset that many people live by in winter.
_PLACES = {
    -10: "Pacific/Honolulu", -9: "America/Anchorage", -8: "America/Los_Angeles", -7: "America/Denver",
    -6: "America/Chicago", -5: "America/New_York", -4: "America/Halifax", -3: "America/Sao_Paulo",
    0: "Europe/London", 1: "Europe/Paris", 2: "Europe/Athens", 3: "Africa/Nairobi", 4: "Asia/Dubai",
    5: "Asia/Karachi", 6: "Asia/Dhaka", 7: "Asia/Bangkok", 8: "Asia/Singapore", 9: "Asia/Tokyo",
    10: "Australia/Sydney", 11: "Pacific/Noumea", 12: "Pacific/Auckland",
}  # fmt: skip


def usable_zone(text: str) -> str:
    """Return the name of a zone; raises Unusable for none, one that does not exist, or a fixed offset."""
    if not text:
        raise Unusable(
            "the cadence has no zone, and a wall time alone is no instant",
            mend='write whose clocks it means: zone = "Europe/London"',
        )
    if text in _UTC:
        return text
    if _FIXED.fullmatch(text):
        place = _PLACES.get(_hours(text), _PLACES[0])
        raise Unusable(
            f"{text!r} is an offset and knows no summer time", mend=f'write a place: "{place}"; or "UTC"'
        )
    if text not in _places():
        raise Unusable(
            f"there is no time zone {text!r}",
            mend=offer(text, sorted(_places()), otherwise=A_PLACE),
        )
    return text


def _hours(text: str) -> int:
    if found := _POSIX.fullmatch(text):
        # POSIX counts westward: Etc/GMT+5 is New York's winter.
        return -int(found.group("hours"))
    found = _FIXED.fullmatch(text)
    return int((found and found.group("hours")) or _OFFSETS.get(text, 0))


@cache
def _places() -> frozenset[str]:
    # "Factory" is what a machine that was never told its zone believes in.
    return frozenset(zone for zone in all_zones() - {"Factory"} if not _FIXED.fullmatch(zone))
