from datetime import UTC, datetime, timedelta

import pytest

from newsletter.domain.delivery import (
    CONFIRM_WAIT,
    LONGEST_RETRY,
    RETRY_AFTER,
    START_DEADLINE,
    Batch,
    BatchState,
    Record,
    Ruling,
    back_off,
    batch_key,
    lease_for,
    record_for,
)
from newsletter.domain.provider import Answer, Capabilities, Outcome

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
KEYED = Capabilities("keyed", 100, timedelta(seconds=30), key_ttl=timedelta(hours=24))
LATER = NOW + RETRY_AFTER
PLANNED, UNKNOWN, ACCEPTED = BatchState.PLANNED, BatchState.UNKNOWN, BatchState.ACCEPTED
REJECTED, CANCELLED = BatchState.REJECTED, BatchState.CANCELLED
KEEP, SPLIT, HOLD = Ruling.KEEP, Ruling.SPLIT, Ruling.HOLD

#: outcome, tainted, members → state, ruling, tainted afterwards, next instant
TABLE = [
    (Outcome.ACCEPTED, False, 1, ACCEPTED, KEEP, False, None),
    (Outcome.ACCEPTED, False, 5, ACCEPTED, KEEP, False, None),
    (Outcome.ACCEPTED, True, 1, ACCEPTED, KEEP, False, None),
    (Outcome.ACCEPTED, True, 5, ACCEPTED, KEEP, False, None),
    (Outcome.REFUSED, False, 1, REJECTED, KEEP, False, None),
    (Outcome.REFUSED, False, 5, CANCELLED, SPLIT, False, None),
    (Outcome.REFUSED, True, 1, UNKNOWN, KEEP, True, LATER),
    (Outcome.REFUSED, True, 5, UNKNOWN, KEEP, True, LATER),
    (Outcome.DEFERRED, False, 1, PLANNED, KEEP, False, LATER),
    (Outcome.DEFERRED, False, 5, PLANNED, KEEP, False, LATER),
    (Outcome.DEFERRED, True, 1, UNKNOWN, KEEP, True, LATER),
    (Outcome.DEFERRED, True, 5, UNKNOWN, KEEP, True, LATER),
    (Outcome.MISCONFIGURED, False, 1, PLANNED, HOLD, False, LATER),
    (Outcome.MISCONFIGURED, False, 5, PLANNED, HOLD, False, LATER),
    (Outcome.MISCONFIGURED, True, 1, UNKNOWN, HOLD, True, LATER),
    (Outcome.MISCONFIGURED, True, 5, UNKNOWN, HOLD, True, LATER),
    (Outcome.UNKNOWN, False, 1, UNKNOWN, KEEP, True, LATER),
    (Outcome.UNKNOWN, False, 5, UNKNOWN, KEEP, True, LATER),
    (Outcome.UNKNOWN, True, 1, UNKNOWN, KEEP, True, LATER),
    (Outcome.UNKNOWN, True, 5, UNKNOWN, KEEP, True, LATER),
    (Outcome.MISMATCHED, False, 1, UNKNOWN, KEEP, True, NOW + CONFIRM_WAIT),
    (Outcome.MISMATCHED, False, 5, UNKNOWN, KEEP, True, NOW + CONFIRM_WAIT),
    (Outcome.MISMATCHED, True, 1, UNKNOWN, KEEP, True, NOW + CONFIRM_WAIT),
    (Outcome.MISMATCHED, True, 5, UNKNOWN, KEEP, True, NOW + CONFIRM_WAIT),
    (Outcome.REPEATED, False, 1, UNKNOWN, KEEP, True, NOW + CONFIRM_WAIT),
    (Outcome.REPEATED, False, 5, UNKNOWN, KEEP, True, NOW + CONFIRM_WAIT),
    (Outcome.REPEATED, True, 1, ACCEPTED, KEEP, False, None),
    (Outcome.REPEATED, True, 5, ACCEPTED, KEEP, False, None),
]


def a_batch(**values) -> Batch:
    given = {
        "id": 7,
        "release_id": 3,
        "revision": "r",
        "state": BatchState.SENDING,
        "seq": 2,
        "generation": 0,
        "tainted": False,
        "epoch": 1,
        "first_call_at": NOW,
    }
    return Batch(**{**given, **values})


def decided(outcome, *, tainted=False, members=1, **values) -> Record:
    return record_for(a_batch(tainted=tainted), Answer(outcome, **values), members=members, now=NOW)


@pytest.mark.parametrize(("outcome", "tainted", "members", "state", "ruling", "doubt", "next_at"), TABLE)
def test_every_answer_has_its_consequence(outcome, tainted, members, state, ruling, doubt, next_at):
    found = decided(outcome, tainted=tainted, members=members)
    assert (found.state, found.ruling, found.tainted, found.next_at) == (state, ruling, doubt, next_at)


def test_the_table_has_every_case():
    cases = {(outcome, tainted, members) for outcome, tainted, members, *_ in TABLE}
    assert cases == {(one, tainted, n) for one in Outcome for tainted in (False, True) for n in (1, 5)}


@pytest.mark.parametrize(
    "outcome", [one for one in Outcome if one not in (Outcome.ACCEPTED, Outcome.REPEATED)]
)
@pytest.mark.parametrize("members", [1, 5])
def test_nothing_but_acceptance_clears_a_doubt(outcome, members):
    found = decided(outcome, tainted=True, members=members)
    assert found.tainted
    assert found.state is BatchState.UNKNOWN


@pytest.mark.parametrize("outcome", Outcome)
def test_only_acceptance_counts_whoever_holds_the_lease(outcome):
    assert decided(outcome).is_proof is (outcome is Outcome.ACCEPTED)


@pytest.mark.parametrize("outcome", Outcome)
def test_the_reason_is_kept(outcome):
    assert decided(outcome, reason="as it said").reason == "as it said"


def test_the_provider_may_say_when_to_ask_again():
    assert decided(Outcome.UNKNOWN, retry_after=timedelta(minutes=9)).next_at == NOW + timedelta(minutes=9)


def test_a_batch_is_ready_at_once_where_the_whole_account_is_told_to_wait():
    assert decided(Outcome.DEFERRED, retry_after=timedelta(minutes=9)).next_at == NOW


@pytest.mark.parametrize(
    ("tried_for", "wait"),
    [
        (timedelta(), RETRY_AFTER),
        (timedelta(minutes=10), timedelta(minutes=5)),
        (timedelta(hours=9), LONGEST_RETRY),
    ],
)
def test_the_longer_a_batch_is_tried_the_longer_it_waits(tried_for, wait):
    assert back_off(a_batch(first_call_at=NOW - tried_for), NOW) == wait


def test_an_acceptance_keeps_ids_and_single_rejections():
    found = decided(Outcome.ACCEPTED, ids={0: "a"}, rejected={1: "no such mailbox"})
    assert (found.ids, found.rejected) == ({0: "a"}, {1: "no such mailbox"})


def test_a_lease_outlives_the_deadline_and_the_call():
    assert lease_for(KEYED) > START_DEADLINE + KEYED.call_timeout


@pytest.mark.parametrize("changed", [{"epoch": 9}, {"tainted": True}, {"state": BatchState.UNKNOWN}])
def test_every_attempt_has_the_same_key(changed):
    assert batch_key("d1", a_batch(**changed)) == batch_key("d1", a_batch())


def test_other_batches_have_other_keys():
    others = (
        {"release_id": 4},
        {"id": 8},
        {"generation": 1},
        {"release_id": None},
        {"release_id": None, "id": 8},
    )
    keys = {batch_key("d1", a_batch(**one)) for one in ({}, *others)} | {batch_key("d2", a_batch())}
    assert len(keys) == 7
