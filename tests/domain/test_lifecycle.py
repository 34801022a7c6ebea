"""What each change makes of each state of a subscription, every pair of them."""

from itertools import product

import pytest

from newsletter.domain.lifecycle import Change, after, agreement, can_confirm, version_of
from newsletter.domain.subscriber import Consent

STATES = (None, *Consent)
NONE, PENDING, ACTIVE, GONE = None, Consent.PENDING, Consent.ACTIVE, Consent.UNSUBSCRIBED
#: Rows are states, columns are: asked, admitted, confirmed, left, restored.
EXPECTED = {
    NONE: (PENDING, ACTIVE, NONE, NONE, NONE),
    PENDING: (PENDING, ACTIVE, ACTIVE, GONE, PENDING),
    ACTIVE: (ACTIVE, ACTIVE, ACTIVE, GONE, ACTIVE),
    GONE: (GONE, GONE, ACTIVE, GONE, ACTIVE),
}


@pytest.mark.parametrize(("state", "change"), list(product(STATES, Change)))
def test_every_change_of_every_state_is_as_the_table_says(state, change):
    assert after(state, change) is EXPECTED[state][list(Change).index(change)]


@pytest.mark.parametrize("state", STATES)
def test_only_the_owner_of_the_mailbox_brings_back_who_left(state):
    ways = [change for change in Change if after(GONE, change) is ACTIVE]
    assert ways == [Change.CONFIRMED, Change.RESTORED]
    assert after(after(state, Change.LEFT), Change.ADMITTED) is not ACTIVE or state is NONE


def test_somebody_else_typing_an_address_makes_nobody_active():
    assert {after(state, Change.ASKED) for state in STATES if state is not ACTIVE} == {PENDING, GONE}


@pytest.mark.parametrize(("state", "change"), list(product(STATES, Change)))
def test_a_change_that_comes_twice_changes_nothing_more(state, change):
    once = after(state, change)
    assert after(once, change) is once


def test_undo_makes_nobody_active_who_had_not_confirmed():
    assert after(GONE, Change.RESTORED, was_confirmed=False) is PENDING


@pytest.mark.parametrize(
    ("state", "has_left_since", "can"),
    [
        (PENDING, False, True),
        (PENDING, True, False),
        (GONE, False, True),
        (GONE, True, False),
        (ACTIVE, False, False),
        (NONE, False, False),
    ],
)
def test_a_request_can_be_confirmed_until_its_person_leaves(state, has_left_since, can):
    assert can_confirm(state, has_left_since=has_left_since) is can


def test_other_words_have_another_version():
    assert version_of(agreement("Back pain")) == version_of(agreement("Back pain"))
    assert version_of(agreement("Back pain")) != version_of(agreement("Sleep"))
    assert version_of("") == ""
