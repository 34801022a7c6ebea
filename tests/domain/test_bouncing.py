from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from newsletter.domain.bouncing import Bounce, Tried, classify, struck_out_at

BEGIN = datetime(2026, 12, 1, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("550 5.1.1 The email account that you tried to reach does not exist", Bounce.HARD),
        ("smtp; 550-5.1.1 no such user", Bounce.HARD),
        ("550 5.1.6 the mailbox has moved", Bounce.HARD),
        ("556 5.1.10 null MX", Bounce.HARD),
        ("553 5.1.2 bad domain", Bounce.HARD),
        ("550 5.1.0 address rejected", Bounce.LIKELY),
        ("550 no such user here", Bounce.LIKELY),
        ("550 SC-001 mail rejected for policy reasons", Bounce.BLOCK),
        ("550 your IP is listed at Spamhaus", Bounce.BLOCK),
        ("553 5.1.8 bad sender", Bounce.BLOCK),
        ("550 5.2.1 the account is disabled", Bounce.HARD),
        ("550 5.2.1 receiving mail at a rate that prevents delivery", Bounce.BLOCK),
        ("550 5.2.1 cannot deliver", Bounce.SOFT),
        ("450 4.2.1 receiving mail too quickly", Bounce.BLOCK),
        ("452 4.2.2 over quota", Bounce.SOFT),
        ("552 5.2.2 mailbox full", Bounce.SOFT),
        ("552 5.3.4 message too large", Bounce.BLOCK),
        ("451 4.3.0 try again", Bounce.SOFT),
        ("4.4.7 expired", Bounce.SOFT),
        ("554 5.4.6 loop", Bounce.SOFT),
        ("452 4.5.3 too many recipients", Bounce.BLOCK),
        ("554 5.6.0 malformed", Bounce.BLOCK),
        ("421 4.7.28 unusual rate", Bounce.BLOCK),
        ("421 5.7.32 not authenticated", Bounce.BLOCK),
        ("550 5.7.1 refused", Bounce.BLOCK),
        ("554 delivery error", Bounce.SOFT),
        ("599 something new", Bounce.SOFT),
        ("", Bounce.SOFT),
        ("mail of 10.5.1.1 refused", Bounce.SOFT),
    ],
)
def test_a_refusal_is_read_by_its_codes_and_its_text(said, means):
    assert classify(said) is means


def test_codes_that_are_given_win_over_those_of_the_text():
    assert classify("550 5.7.1 see 5.7.1", 550, "5.1.1") is Bounce.HARD


def a_mail(week: float, bounce: Bounce | None = None, *, is_delivered: bool = False) -> Tried:
    at = BEGIN + week * WEEK
    return Tried(at, is_delivered, bounce, at + timedelta(hours=1) if bounce else None)


SOFT = Bounce.SOFT
HISTORIES = {
    "three in a row over more than two weeks": ([a_mail(0, SOFT), a_mail(1, SOFT), a_mail(2.1, SOFT)], 2.1),
    "two are too few": ([a_mail(0, SOFT), a_mail(4, SOFT)], None),
    "exactly two weeks are too short": ([a_mail(0, SOFT), a_mail(1, SOFT), a_mail(2, SOFT)], None),
    "later ones count from the first": ([a_mail(n / 2, SOFT) for n in range(6)], 2.5),
    "a mail that arrives resets": (
        [a_mail(0, SOFT), a_mail(1, is_delivered=True), a_mail(2, SOFT), a_mail(3, SOFT)],
        None,
    ),
    "also after three": ([*(a_mail(n, SOFT) for n in range(4)), a_mail(5, is_delivered=True)], None),
    "an automatic answer to one that arrived is none": (
        [a_mail(0, SOFT), a_mail(1, SOFT, is_delivered=True), a_mail(3, SOFT), a_mail(4, SOFT)],
        None,
    ),
    "a block neither counts nor resets": (
        [a_mail(0, SOFT), a_mail(1, Bounce.BLOCK), a_mail(2, SOFT), a_mail(3, SOFT)],
        3,
    ),
    "one that is not heard of neither": ([a_mail(0, SOFT), a_mail(1), a_mail(2, SOFT), a_mail(3, SOFT)], 3),
    "what is likely counts at the second": ([a_mail(0, Bounce.LIKELY), a_mail(0.1, Bounce.LIKELY)], 0.1),
    "nothing": ([], None),
}


@pytest.mark.parametrize(("history", "week"), HISTORIES.values(), ids=HISTORIES)
def test_an_address_counts_as_gone_by_its_latest_bounces_in_a_row(history, week):
    since = None if week is None else BEGIN + week * WEEK + timedelta(hours=1)
    orders = permutations(history) if len(history) < 5 else [history, history[::-1]]
    assert {struck_out_at(order) for order in orders} == {since}
