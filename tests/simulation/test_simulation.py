"""A hundred seeds of everything that goes wrong: what is promised holds in each.

A failing seed tells its invariants, its trace and how to see it again; `soak.py` plays thousands.
"""

from itertools import chain, product

import pytest
from sim_mutants import TELLING as NOTICING
from sim_plan import NAMES, draw
from sim_run import play
from soak import told

#: Seeds of each capability; `soak.py` plays thousands.
SEEDS = 100
#: Seeds that are played in one test.
AT_ONCE = 25


@pytest.mark.parametrize("first", range(1, SEEDS + 1, AT_ONCE))
@pytest.mark.parametrize("name", NAMES)
def test_what_is_promised_holds_whatever_goes_wrong(name, first):
    for seed in range(first, first + AT_ONCE):
        played = play(name, seed)
        assert not played.failures, told(played)


def test_what_is_promised_holds_in_later_seeds_that_notice_a_rule_switched_off():
    for name, seed in NOTICING.values():
        if seed > SEEDS:
            played = play(name, seed)
            assert not played.failures, told(played)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_played_twice_is_the_same(name):
    """I12."""
    for seed in range(1, SEEDS, 37):
        one, other = play(name, seed), play(name, seed)
        assert (one.digest, one.log) == (other.digest, other.log), seed


#: What the seeds are for, as their traces tell it.
HAPPENINGS = (
    "dies before a commit", "dies in the middle of a call", "stands still", "database full",
    "never hears", "the wall clock is", "leave", "move", "pauses", "lets", "takes over",
    "another payload", "as before", "finds []", "cut short", "again", "hears deferred",
    "hears refused", "hears repeated", "hears misconfigured", "too late", "everything heals",
    "loses its last commits",
)  # fmt: skip
KINDS_OF_LIES = 15
#: Few seeds that go through all of it; where a change moves them, others are looked through.
TELLING = (
    ("spent", 108), ("key", 16), ("key", 20), ("key", 10), ("logged", 5), ("events", 8), ("key", 15),
    ("key", 18), ("key", 32), ("key", 48), ("query", 1),
)  # fmt: skip


def test_the_seeds_go_through_what_they_are_for():
    missing, lies = set(HAPPENINGS), set()
    for name, seed in chain(
        TELLING, product(NAMES, range(1, 51)), product(("key", "dedupe"), range(51, 101))
    ):
        played = play(name, seed)
        missing -= {part for part in missing if any(part in text for _, _, text in played.trace)}
        lies.update(played.plan.lies)
        if not missing and len(lies) >= KINDS_OF_LIES:
            break
    assert (missing, len(lies)) == (set(), KINDS_OF_LIES)


def test_a_plan_is_drawn_from_its_seed_alone():
    assert all(draw(name, 7) == draw(name, 7) != draw(name, 8) for name in NAMES)
