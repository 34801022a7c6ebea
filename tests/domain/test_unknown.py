"""What happens to an outcome that is unknown, by what the provider can do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.domain.delivery import CONFIRM_WAIT, Asked, Batch, BatchState, lease_for
from newsletter.domain.provider import Capabilities, Recovery, Sightings
from newsletter.domain.unknown import GIVE_UP, Next, Policy, Step, after_look, count_from, next_step

CALLED = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def able(recovery, **values) -> Capabilities:
    return Capabilities("able", 100, timedelta(seconds=30), recovery=recovery, **values)


KEYED, DEDUPING, SEARCHABLE = able(Recovery.KEY), able(Recovery.RECIPIENT_DEDUPE), able(Recovery.QUERY)
TELLING, SILENT = able(Recovery.EVENTS), able(Recovery.NONE)
KEY_GUARD = KEYED.key_ttl - 2 * lease_for(KEYED)


def a_batch(**values) -> Batch:
    given = {
        "id": 7,
        "release_id": 3,
        "revision": "r",
        "state": BatchState.UNKNOWN,
        "seq": 2,
        "generation": 0,
        "tainted": True,
        "epoch": 1,
        "first_call_at": CALLED,
        "last_call_at": CALLED,
    }
    return Batch(**{**given, **values})


def after(span, capabilities, policy=Policy.HOLD, **values) -> Next:
    return next_step(a_batch(**values), capabilities, policy, CALLED + span)


@pytest.mark.parametrize("capabilities", [KEYED, DEDUPING, SEARCHABLE, TELLING, SILENT])
def test_a_batch_without_doubt_is_called(capabilities):
    assert after(SECOND, capabilities, tainted=False).step is Step.CALL


def test_a_batch_that_was_put_off_for_a_day_is_shown_to_a_person():
    assert after(GIVE_UP - SECOND, KEYED, tainted=False).step is Step.CALL
    assert after(GIVE_UP, KEYED, tainted=False).step is Step.GIVE_UP


def test_time_that_a_pause_or_our_own_pace_kept_it_does_not_count():
    ready = CALLED + timedelta(minutes=1)
    kept = a_batch(tainted=False, next_at=ready)
    counted = count_from(kept, ready + timedelta(hours=30))
    assert counted.first_call_at == CALLED + timedelta(hours=30)


def test_the_life_of_a_key_is_never_stretched():
    doubtful = a_batch(next_at=CALLED + SECOND)
    assert count_from(doubtful, CALLED + timedelta(hours=30)) == doubtful


def test_a_key_is_used_again_while_it_lives_with_two_leases_to_spare():
    assert after(SECOND, KEYED).step is Step.CALL
    assert after(KEY_GUARD - SECOND, KEYED).step is Step.CALL
    assert after(KEY_GUARD, KEYED).step is Step.ASK


@pytest.mark.parametrize(
    ("recovery", "ends_after"), [(Recovery.KEY, KEY_GUARD), (Recovery.RECIPIENT_DEDUPE, GIVE_UP)]
)
def test_where_the_same_call_helps_no_more_a_log_is_searched_if_there_is_one(recovery, ends_after):
    logged = able(recovery, has_log=True)
    assert after(ends_after - SECOND, logged).step is Step.CALL
    assert after(ends_after, logged, last_call_at=CALLED + ends_after).step is Step.WAIT
    assert after(ends_after + logged.settles_after, logged).step is Step.SEARCH
    assert after(logged.remembers_for, logged).step is Step.ASK


def test_a_key_that_lives_shorter_than_two_leases_is_no_help():
    brief = able(Recovery.KEY, key_ttl=2 * lease_for(KEYED))
    assert after(SECOND, brief).step is Step.WAIT


def test_a_doubt_without_a_first_call_is_never_called_again():
    assert after(GIVE_UP, KEYED, first_call_at=None).step is Step.ASK


def test_another_payload_under_the_key_waits_for_an_event_and_then_for_a_person():
    known = {"asked": Asked.MISMATCHED}
    assert after(SECOND, KEYED, **known) == Next(Step.WAIT, CALLED + CONFIRM_WAIT)
    assert after(CONFIRM_WAIT, KEYED, **known).step is Step.ASK


def test_what_was_most_likely_accepted_is_not_sent_again_by_policy():
    assert after(CONFIRM_WAIT, KEYED, Policy.RESEND, asked=Asked.MISMATCHED).step is Step.ASK
    assert after(CONFIRM_WAIT, KEYED, Policy.SKIP, asked=Asked.MISMATCHED).step is Step.SKIP


def test_a_provider_that_knows_its_recipients_is_called_for_a_day_and_then_a_person_is_asked():
    assert after(GIVE_UP - SECOND, DEDUPING).step is Step.CALL
    assert after(GIVE_UP, DEDUPING).step is Step.ASK


def test_a_log_is_searched_once_it_can_be_trusted_and_while_it_remembers():
    settled, forgotten = SEARCHABLE.settles_after, SEARCHABLE.remembers_for
    assert after(SECOND, SEARCHABLE) == Next(Step.WAIT, CALLED + settled)
    assert after(settled, SEARCHABLE).step is Step.SEARCH
    assert after(forgotten - SECOND, SEARCHABLE).step is Step.SEARCH
    assert after(forgotten, SEARCHABLE).step is Step.ASK


@pytest.mark.parametrize(
    ("policy", "step"), [(Policy.HOLD, Step.ASK), (Policy.RESEND, Step.SEND_AGAIN), (Policy.SKIP, Step.SKIP)]
)
def test_where_nothing_proves_anything_the_policy_decides(policy, step):
    assert after(SECOND, SILENT, policy).step is step
    assert after(TELLING.events_wait - SECOND, TELLING, policy).step is Step.WAIT
    assert after(TELLING.events_wait, TELLING, policy).step is step


def looked(sightings, missing, capabilities=SEARCHABLE, **values):
    return after_look(a_batch(**values), sightings, missing, capabilities, CALLED)


def test_whoever_all_are_found_were_accepted():
    found = looked(Sightings({0: "a", 1: "b"}), 0)
    assert (found.state, found.ids) == (BatchState.ACCEPTED, {0: "a", 1: "b"})


def test_one_who_is_found_proves_all_of_an_atomic_call():
    assert looked(Sightings({0: "a"}), 5).state is BatchState.ACCEPTED
    single = looked(Sightings({0: "a"}), 5, replace(SEARCHABLE, is_atomic=False))
    assert single.state is BatchState.UNKNOWN


def test_one_look_is_no_proof_of_absence_and_two_are():
    first = looked(Sightings(), 5)
    assert (first.asked, first.next_at) == (Asked.LOOKED, CALLED + SEARCHABLE.look_interval)
    assert looked(Sightings(), 5, asked=Asked.LOOKED) is None


def test_a_look_that_was_cut_short_counts_for_nothing():
    assert looked(Sightings(is_complete=False), 5).asked is Asked.NOT_YET
    assert looked(Sightings(is_complete=False), 5, asked=Asked.LOOKED).asked is Asked.LOOKED
