"""A cadence has a place of the tz database or UTC; what means an offset is refused with a place instead."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from newsletter.content.strict_toml import Unusable
from newsletter.content.zone_names import usable_zone

NAMES = files("tzdata").joinpath("zones").read_text("utf-8").split()


def is_usable(name: str) -> bool:
    try:
        return usable_zone(name) == name
    except Unusable:
        return False


def never_changed(name: str) -> bool:
    """Tell whether the clocks of a zone were never set: every place once had its own time by the sun."""
    start = datetime(1850, 1, 1, tzinfo=UTC)
    seasons = (start + timedelta(days=91 * n) for n in range(760))
    return len({at.astimezone(ZoneInfo(name)).utcoffset() for at in seasons}) == 1


def test_of_the_zones_that_never_changed_utc_alone_can_be_used():
    assert sorted(filter(is_usable, filter(never_changed, NAMES))) == ["Etc/UTC", "UTC"]


def test_of_the_zones_that_did_only_three_letters_that_mean_an_offset_are_refused():
    refused = [name for name in NAMES if not is_usable(name)]
    assert sorted(name for name in refused if not never_changed(name)) == ["EST", "HST", "MST"]


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("EST", "America/New_York"),
        ("HST", "Pacific/Honolulu"),
        ("MST", "America/Denver"),
        ("GMT", "Europe/London"),
        ("Zulu", "Europe/London"),
        ("Etc/GMT+5", "America/New_York"),
        ("Etc/GMT-9", "Asia/Tokyo"),
        ("UTC+9", "Asia/Tokyo"),
        ("GMT-3", "America/Sao_Paulo"),
        ("+01:00", "Europe/Paris"),
        ("+0530", "Asia/Karachi"),
        ("+14", "Europe/London"),
    ],
)
def test_an_offset_is_refused_with_a_place_that_has_it_in_winter(written, place):
    with pytest.raises(Unusable) as refused:
        usable_zone(written)
    assert refused.value.message == f"{written!r} is an offset and knows no summer time"
    assert refused.value.mend == f'write a place: "{place}"; or "UTC"'
    assert is_usable(place)


@pytest.mark.parametrize("zone", ["CET", "EST5EDT", "US/Eastern", "Asia/Tokyo", "Iceland", "W-SU"])
def test_a_zone_whose_clocks_a_country_sets_is_accepted(zone):
    assert usable_zone(zone) == zone


@pytest.mark.parametrize(
    ("written", "offered"),
    [
        ("Europe/Lodnon", "Europe/London"),
        ("europe/london", "Europe/London"),
        ("America/NewYork", "America/New_York"),
        ("Factory", "write a place, such as Europe/London"),
        ("PST", "?"),
    ],
)
def test_a_zone_that_does_not_exist_is_refused_and_no_offset_offered(written, offered):
    with pytest.raises(Unusable) as refused:
        usable_zone(written)
    assert refused.value.message == f"there is no time zone {written!r}"
    assert offered in refused.value.mend
    assert "'EST'" not in refused.value.mend


def test_a_cadence_without_a_zone_is_told_what_to_write():
    with pytest.raises(Unusable, match="has no zone") as refused:
        usable_zone("")
    assert 'zone = "Europe/London"' in refused.value.mend
