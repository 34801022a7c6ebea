"""Which clicks look automatic: by the signs, and by how many of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.clicks import Click, Clicks, Hit, Sign, count, is_program, signs_of

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
LONG_AFTER = AT + timedelta(hours=2)


def hit(seconds=0.0, who="ada", link="a", visitor="", *, program=False, delivered=AT, links=9):
    return Hit(who, LONG_AFTER + timedelta(seconds=seconds), delivered, link, visitor, program, links)


def after_delivery(seconds):
    return hit()._replace(at=AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(("seconds", "is_one"), [(-60, True), (0, True), (1, True), (1.001, False)])
def test_a_click_within_a_second_of_delivery_or_before_it_is_automatic(seconds, is_one):
    assert count([after_delivery(seconds)]).automatic == is_one
    assert signs_of([after_delivery(seconds)]) == [{Sign.AT_ONCE} if is_one else set()]


def test_where_the_delivery_was_not_reported_nothing_came_at_once():
    assert signs_of([hit(delivered=None)]) == [set()]


def test_who_clicks_every_link_in_ten_seconds_is_a_program():
    many = [hit(6 * number, link=link, links=3) for number, link in enumerate("abc")]
    assert count(many).automatic == 0
    many = [hit(5 * number, link=link, links=3) for number, link in enumerate("abc")]
    assert count(many) == Clicks(3, 3, {Sign.EVERY_LINK: 3})


def test_a_mail_with_one_link_says_nothing_when_it_is_clicked():
    assert signs_of([hit(links=1), hit(1, links=1)]) == [set(), set()]


def test_three_links_in_two_seconds_are_a_sign_that_needs_another():
    swift = [hit(number, link=link) for number, link in enumerate("abc")]
    assert signs_of(swift) == [{Sign.SWIFT}] * 3
    assert count(swift).automatic == 0
    by_program = [one._replace(by_program=True) for one in swift]
    assert count(by_program) == Clicks(3, 3, {Sign.SWIFT: 3, Sign.PROGRAM: 3})


def test_the_same_link_again_and_again_is_impatience():
    assert signs_of([hit(number / 10) for number in range(20)]) == [set()] * 20


def test_only_those_within_the_span_have_the_sign():
    late = [hit(number, link=link) for number, link in enumerate("abcd")] + [hit(30, link="e")]
    assert [Sign.SWIFT in signs for signs in signs_of(late)] == [True] * 4 + [False]


def test_a_place_that_clicks_for_more_than_twenty_in_a_minute_has_the_sign():
    def from_one(people):
        return [hit(number, who=number, visitor="gate") for number in range(people)]

    assert signs_of(from_one(20)) == [set()] * 20
    assert signs_of(from_one(21)) == [{Sign.SHARED}] * 21
    assert count(from_one(21)).automatic == 0


def test_one_person_who_clicks_often_shares_nothing():
    assert signs_of([hit(number, visitor="home") for number in range(40)]) == [set()] * 40


def test_a_click_of_which_nothing_is_known_is_counted_and_has_no_sign():
    unknown = [hit(number / 10, who=number, link="", visitor="") for number in range(50)]
    assert count(unknown) == Clicks(50)


@pytest.mark.parametrize(
    ("agent", "is_one"),
    [
        ("Mozilla/5.0 (compatible; BarracudaCentral/1.0)", True),
        ("python-requests/2.32", True),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("ExampleBot", True),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36", False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", False),
        ("Mozilla/5.0 (X11; CUBOT_NOTE) Gecko/20100101", False),
        ("", False),
    ],
)
def test_a_program_is_known_by_what_it_says_of_itself(agent, is_one):
    assert is_program(agent) is is_one


def test_what_is_hidden_can_only_be_compared():
    click = Click("https://example.org/book", "192.0.2.7")
    hidden = click.hidden(b"salt")
    assert hidden == replace(click).hidden(b"salt") != click.hidden(b"other")
    assert len(hidden.link) == len(hidden.visitor) == 16
    assert hidden.link != Click("https://example.org/", "").hidden(b"salt").link
    assert Click().hidden(b"salt") == Click()


HITS = st.lists(
    st.builds(
        hit,
        st.floats(0, 90),
        st.integers(0, 30),
        st.sampled_from("abcd"),
        st.sampled_from(["", "x", "y"]),
        program=st.booleans(),
        links=st.just(3),
    ),
    max_size=60,
)


@given(HITS, st.randoms())
def test_the_order_in_which_clicks_are_reported_does_not_matter(hits, order):
    shuffled = order.sample(hits, len(hits))
    assert count(shuffled) == count(hits)


@given(HITS)
def test_a_window_marks_what_looking_at_each_pair_of_ends_would(hits):
    found = signs_of(hits)
    for one, signs in zip(hits, found, strict=True):
        is_swift = any(
            len({two.link for two in within}) >= 3 and one in within
            for first in hits
            if (within := [two for two in hits if two.delivery == one.delivery
                           and first.at <= two.at <= first.at + timedelta(seconds=2)])
        )  # fmt: skip
        assert (Sign.SWIFT in signs) == is_swift
