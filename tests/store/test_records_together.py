from collections import Counter
from datetime import timedelta

import pytest
from claims_cast import by_seq, counts, later, seqs
from sqlalchemy import select, update
from store_cast import (
    ACCEPTED,
    DAY,
    DEFERRED,
    NOW,
    REFUSED,
    UNKNOWN,
    ScriptedProvider,
    capabilities,
    delivering,
)

from newsletter.domain.delivery import lease_for
from newsletter.domain.provider import Answer, Outcome, Recovery
from newsletter.domain.release import ReleaseState
from newsletter.pipeline.claiming import ALL_LANES
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.recording import Ended
from newsletter.pipeline.releasing import Releasing
from newsletter.store import accounts, cancelling, releases
from newsletter.store.tables import attempt, batch, delivery

LEASE = lease_for(capabilities())
WRONG_KEY = Answer(Outcome.MISCONFIGURED, "the key is wrong")


def together(sender, pairs, now=NOW):
    """Record how calls ended in one transaction."""
    ended = [Ended(claim.batch, claim.positions, answer, claim.counted) for claim, answer in pairs]
    sender.recording.record(ended, now)


def one_by_one(sender, pairs, now=NOW):
    for pair in pairs:
        together(sender, [pair], now)


@pytest.mark.parametrize("record", [together, one_by_one])
def test_outcomes_leave_the_same_rows_whether_they_are_recorded_together_or_one_by_one(
    newsletter, clock, record
):
    newsletter.join(*(f"reader{number}" for number in range(7)))
    newsletter.queue()
    newsletter.sent = newsletter.release(batch_size=2)
    sender = delivering(newsletter.database, clock=clock)
    accepted = Answer(Outcome.ACCEPTED, ids={0: "id-a"}, rejected={1: "no such mailbox"}, status=200)
    claimed = sender.next_works(ALL_LANES, 4)
    # The last batch has one member: whom is refused there is known.
    ended = zip(claimed, [accepted, DEFERRED, REFUSED, REFUSED], strict=True)
    record(sender, list(ended)[::-1])
    rows = newsletter.rows(
        select(batch.c.seq, batch.c.state, batch.c.tainted, batch.c.epoch, batch.c.members, batch.c.next_at)
        .where(batch.c.state.in_(("planned", "unknown", "sending")))
        .order_by(batch.c.seq)
    )
    halves = [(4, "planned", False, 0, 1, NOW), (5, "planned", False, 0, 1, NOW)]
    assert rows == [(1, "planned", False, 1, 2, NOW + timedelta(seconds=30)), *halves]
    assert by_seq(newsletter) == ["accepted", "planned", "cancelled", "rejected", "planned", "planned"]
    assert newsletter.rows(select(attempt.c.outcome, attempt.c.http_status).order_by(attempt.c.batch_id)) == [
        ("accepted", 200),
        ("deferred", None),
        ("refused", None),
        ("refused", None),
    ]
    found = newsletter.rows(
        select(
            batch.c.seq, delivery.c.pos, delivery.c.state, delivery.c.reason, delivery.c.provider_message_id
        )
        .join(batch, batch.c.id == delivery.c.batch_id)
        .order_by(batch.c.seq, delivery.c.pos)
    )
    assert found == [
        (0, 0, "planned", None, "id-a"),
        (0, 1, "rejected", "no such mailbox", None),
        (1, 0, "planned", None, None),
        (1, 1, "planned", None, None),
        (3, 0, "rejected", "bad address", None),
        (4, 0, "planned", None, None),
        (5, 0, "planned", None, None),
    ]
    assert counts(newsletter) == {"accepted": 1, "planned": 4, "rejected": 2}
    assert newsletter.get_release(newsletter.sent.id).state is ReleaseState.SENDING
    assert newsletter.read(accounts.get, "scripted").failures == 0


def test_batches_that_are_refused_together_are_halved_under_numbers_of_their_own(newsletter, clock):
    newsletter.join(*(f"reader{number}" for number in range(6)))
    newsletter.queue()
    newsletter.release(batch_size=2)
    sender = delivering(newsletter.database, clock=clock)
    together(sender, [(claim, REFUSED) for claim in sender.next_works(ALL_LANES, 3)])
    assert by_seq(newsletter) == ["cancelled"] * 3 + ["planned"] * 6
    assert seqs(sender.next_works(ALL_LANES, 9)) == [3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("record", [together, one_by_one])
def test_what_answers_teach_about_the_account_adds_up(crowd, clock, record):
    sender = delivering(crowd.database, clock=clock)
    claimed = sender.next_works(ALL_LANES, 3)
    record(sender, [(claim, DEFERRED) for claim in claimed])
    assert crowd.read(accounts.get, "scripted").failures == 3


@pytest.mark.parametrize(
    ("late", "mail"), [(REFUSED, "planned"), (UNKNOWN, "planned"), (ACCEPTED, "accepted")]
)
def test_one_whose_lease_was_lost_does_not_stop_the_others(crowd, clock, late, mail):
    keyed = capabilities(1, recovery=Recovery.KEY)
    slow = delivering(crowd.database, ScriptedProvider(capabilities=keyed), clock)
    old = slow.next_works(ALL_LANES, 3)
    later(clock, lease_for(keyed))
    new = delivering(crowd.database, ScriptedProvider(capabilities=keyed), clock).next_work()
    assert (new.batch.seq, new.batch.epoch) == (0, 2)
    together(slow, [(old[0], late), (old[1], ACCEPTED), (old[2], REFUSED)], clock.now())
    assert by_seq(crowd) == ["sending", "accepted", "rejected"] + ["planned"] * 4
    assert crowd.get_batch(new.batch.id).epoch == 2
    assert crowd.rows(select(delivery.c.state).where(delivery.c.batch_id == new.batch.id)) == [(mail,)]


def test_a_release_whose_last_outcomes_are_recorded_together_is_settled(crowd, clock):
    sender = delivering(crowd.database, clock=clock)
    first, *last = sender.next_works(ALL_LANES, 7)
    together(sender, [(first, ACCEPTED)])
    assert crowd.get_release(crowd.sent.id).state is ReleaseState.SENDING
    together(sender, [(claim, REFUSED if claim is last[0] else ACCEPTED) for claim in last])
    assert crowd.get_release(crowd.sent.id).state is ReleaseState.SETTLED
    assert Counter(by_seq(crowd)) == {"accepted": 6, "rejected": 1}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_wrong_account_among_others_holds_the_release_and_loses_no_outcome(crowd, clock, place):
    sender = delivering(crowd.database, clock=clock)
    claimed = sender.next_works(ALL_LANES, 3)
    answers = [ACCEPTED, ACCEPTED, ACCEPTED]
    answers[place] = WRONG_KEY
    together(sender, zip(claimed, answers, strict=True))
    held = crowd.get_release(crowd.sent.id)
    assert (held.state, held.reason) == (ReleaseState.HELD, "the key is wrong")
    assert counts(crowd) == {"accepted": 2, "planned": 5}
    assert sender.next_works(ALL_LANES, 7) == []
    Holding(crowd.database).resume("back-pain", NOW)
    crowd.release(batch_size=1)
    while sender.step():
        pass
    assert crowd.get_release(crowd.sent.id).state is ReleaseState.SETTLED


def test_outcomes_of_two_releases_are_recorded_together_and_only_the_wrong_one_is_held(crowd, clock):
    sender = delivering(crowd.database, clock=clock)
    of_first = sender.next_works(ALL_LANES, 7)
    crowd.queue("neck", DAY + timedelta(days=7))
    later(clock, timedelta(days=7))
    with crowd.database.writing() as tx:
        tx.execute(update(batch).values(lease_until=clock.now() + LEASE))
    crowd.join("late")
    Releasing(crowd.database, capabilities(1)).tick(clock.now())
    (of_second,) = sender.next_works(ALL_LANES, 7)
    together(sender, [(of_second, WRONG_KEY), *((claim, ACCEPTED) for claim in of_first)], clock.now())
    found = {one.issue: one.state for one in crowd.read(releases.every)}
    assert found == {"lower-back": ReleaseState.SETTLED, "neck": ReleaseState.HELD}


def test_a_cancelled_release_leaves_none_of_the_outcomes_recorded_together_to_be_tried_again(crowd, clock):
    sender = delivering(crowd.database, clock=clock)
    claimed = sender.next_works(ALL_LANES, 3)
    with crowd.database.writing() as tx:
        releases.change(tx, crowd.sent.id, state=ReleaseState.CANCELLED)
        cancelling.cancel_release(tx, crowd.sent.id, NOW)
    together(sender, zip(claimed, [ACCEPTED, DEFERRED, UNKNOWN], strict=True))
    assert crowd.get_release(crowd.sent.id).state is ReleaseState.CANCELLED
    assert counts(crowd) == {"accepted": 1, "unknown": 1, "cancelled": 5}
