from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.domain.delivery import (
    RETRY_AFTER,
    START_DEADLINE,
    Batch,
    BatchState,
    Record,
    Ruling,
    batch_key,
    lease_for,
    may_call_again,
    record_for,
)
from newsletter.domain.provider import Answer, Capabilities, Outcome

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
KEYED = Capabilities("keyed", 100, timedelta(seconds=30), key_ttl=timedelta(hours=24))
KEYLESS = replace(KEYED, key_ttl=None)
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
    (Outcome.REFUSED, True, 1, UNKNOWN, KEEP, True, None),
    (Outcome.REFUSED, True, 5, UNKNOWN, KEEP, True, None),
    (Outcome.DEFERRED, False, 1, PLANNED, KEEP, False, LATER),
    (Outcome.DEFERRED, False, 5, PLANNED, KEEP, False, LATER),
    (Outcome.DEFERRED, True, 1, UNKNOWN, KEEP, True, LATER),
    (Outcome.DEFERRED, True, 5, UNKNOWN, KEEP, True, LATER),
    (Outcome.MISCONFIGURED, False, 1, PLANNED, HOLD, False, NOW),
    (Outcome.MISCONFIGURED, False, 5, PLANNED, HOLD, False, NOW),
    (Outcome.MISCONFIGURED, True, 1, UNKNOWN, HOLD, True, NOW),
    (Outcome.MISCONFIGURED, True, 5, UNKNOWN, HOLD, True, NOW),
    (Outcome.UNKNOWN, False, 1, UNKNOWN, KEEP, True, LATER),
    (Outcome.UNKNOWN, False, 5, UNKNOWN, KEEP, True, LATER),
    (Outcome.UNKNOWN, True, 1, UNKNOWN, KEEP, True, LATER),
    (Outcome.UNKNOWN, True, 5, UNKNOWN, KEEP, True, LATER),
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


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.ACCEPTED])
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


@pytest.mark.parametrize("outcome", [Outcome.DEFERRED, Outcome.UNKNOWN])
def test_the_provider_may_say_when_to_come_again(outcome):
    assert decided(outcome, retry_after=timedelta(minutes=9)).next_at == NOW + timedelta(minutes=9)


def test_an_acceptance_keeps_ids_and_single_rejections():
    found = decided(Outcome.ACCEPTED, ids={0: "a"}, rejected={1: "no such mailbox"})
    assert (found.ids, found.rejected) == ({0: "a"}, {1: "no such mailbox"})


def test_a_batch_without_doubt_may_always_be_called():
    assert may_call_again(a_batch(), KEYLESS, NOW + timedelta(days=99))


def test_a_doubt_without_a_key_is_never_called_again():
    assert not may_call_again(a_batch(tainted=True), KEYLESS, NOW)


def test_a_doubt_without_a_first_call_is_never_called_again():
    assert not may_call_again(a_batch(tainted=True, first_call_at=None), KEYED, NOW)


def test_a_doubt_may_be_called_again_while_the_key_lives_with_two_leases_to_spare():
    last = NOW + KEYED.key_ttl - 2 * lease_for(KEYED)
    doubtful = a_batch(tainted=True)
    assert may_call_again(doubtful, KEYED, NOW)
    assert may_call_again(doubtful, KEYED, last - timedelta(microseconds=1))
    assert not may_call_again(doubtful, KEYED, last)


def test_a_key_that_lives_shorter_than_two_leases_is_no_help():
    brief = replace(KEYED, key_ttl=2 * lease_for(KEYED))
    assert not may_call_again(a_batch(tainted=True), brief, NOW)


def test_a_lease_outlives_the_deadline_and_the_call():
    assert lease_for(KEYED) > START_DEADLINE + KEYED.call_timeout


@pytest.mark.parametrize("changed", [{"epoch": 9}, {"tainted": True}, {"state": BatchState.UNKNOWN}])
def test_every_attempt_has_the_same_key(changed):
    assert batch_key("d1", a_batch(**changed)) == batch_key("d1", a_batch())


def test_other_batches_have_other_keys():
    others = (
        {"release_id": 4},
        {"seq": 3},
        {"generation": 1},
        {"release_id": None},
        {"release_id": None, "id": 8},
    )
    keys = {batch_key("d1", a_batch(**one)) for one in ({}, *others)} | {batch_key("d2", a_batch())}
    assert len(keys) == 7
