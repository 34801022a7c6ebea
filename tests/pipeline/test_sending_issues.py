"""From the queue to the provider: who gets an issue, when, and what each answer leads to."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from letter_cast import (
    ACCEPTED,
    DEFERRED,
    FIRST,
    MISCONFIGURED,
    PEOPLE,
    REFUSED,
    UNKNOWN,
    once_each,
)

from newsletter.domain.provider import Recovery
from newsletter.domain.release import ReleaseState
from newsletter.errors import Refused
from newsletter.operating import play, rehearsed_engine, simulate
from newsletter.pipeline.preparing import Preparing


def release_of(office, issue="lower-back"):
    return [row.release for row in office.app().queueing.rows() if row.slot.issue == issue][-1]


def test_everybody_gets_each_issue_once_and_on_time(queued):
    service = queued.connect()
    sent = queued.run()
    assert Counter(service.accepted) == once_each()
    assert [one.release.state for one in sent] == [ReleaseState.SETTLED] * 2
    assert service.calls[0].date == FIRST


def test_nothing_goes_out_before_its_time(queued):
    service = queued.connect()
    queued.run(until=FIRST - timedelta(seconds=1))
    assert service.accepted == []


def test_a_second_pass_sends_nothing_more(queued):
    service = queued.connect()
    queued.run()
    assert queued.run() == []
    assert Counter(service.accepted) == once_each()


def test_who_joins_after_the_first_issue_gets_the_second(queued):
    service = queued.connect()
    queued.run(until=FIRST)
    queued.join("fay")
    queued.run()
    assert Counter(service.accepted) == once_each() + Counter([("neck", "fay")])


def test_who_leaves_between_queue_and_release_gets_nothing(queued):
    service = queued.connect()
    queued.leave("ben")
    queued.run()
    assert Counter(service.accepted) == once_each(people=set(PEOPLE) - {"ben"})


def test_who_leaves_between_release_and_call_gets_nothing(queued):
    service = queued.connect()
    queued.release()
    queued.leave("ben")
    queued.run(until=FIRST)
    assert ("lower-back", "ben") not in service.accepted
    assert queued.states() == {"accepted": 4, "suppressed": 1}


def test_a_slot_found_too_late_is_held_and_goes_on_when_resumed(queued):
    service = queued.connect()
    queued.clock.advance_to(FIRST + timedelta(hours=7))
    queued.run(until=queued.clock.now())
    assert service.accepted == []
    assert "7 h 00 min late" in release_of(queued).reason
    app = queued.app()
    assert [(one.issue, people) for one, people in app.holding.held("back-pain", app.clock.now())] == [
        ("lower-back", 5)
    ]
    app.holding.resume("back-pain/lower-back", app.clock.now())
    queued.run(until=queued.clock.now())
    assert Counter(service.accepted) == once_each(["lower-back"])


def test_a_slot_found_a_little_late_is_sent(queued):
    service = queued.connect()
    queued.clock.advance_to(FIRST + timedelta(hours=6))
    queued.run(until=queued.clock.now())
    assert Counter(service.accepted) == once_each(["lower-back"])


@pytest.mark.parametrize("target", ["back-pain", "back-pain/lower-back"])
def test_a_pause_stops_before_the_next_call(queued, target):
    service = queued.connect()
    queued.release()
    queued.app().engine.delivering.step()
    queued.app().holding.pause(target, queued.clock.now())
    queued.run(until=FIRST)
    assert len(service.calls) == 1
    assert queued.app().holding.resume(target, queued.clock.now()).was_paused
    queued.run(until=FIRST)
    assert Counter(service.accepted) == once_each(["lower-back"])


def test_whose_issue_is_paused_waits_for_it_until_it_is_resumed_or_cancelled(queued):
    service = queued.connect()
    queued.app().holding.pause("lower-back", FIRST)
    queued.run()
    assert service.accepted == []
    assert queued.states("neck") == {"waiting": 5}
    queued.cancel("lower-back")
    queued.run()
    assert Counter(service.accepted) == once_each(["neck"])


def test_an_unknown_outcome_is_repeated_word_for_word(queued):
    service = queued.connect(script=[UNKNOWN])
    queued.run(until=FIRST + timedelta(minutes=5))
    first, repeat = service.calls[0], service.calls[-1]
    assert (repeat.key, repeat.date, tuple(repeat.recipients)) == (
        first.key,
        first.date,
        tuple(first.recipients),
    )
    assert Counter(service.accepted) == once_each(["lower-back"])
    assert queued.states() == {"accepted": 5}


def test_of_an_unknown_outcome_those_with_an_id_were_taken(queued):
    service = queued.connect(script=[replace(UNKNOWN, ids={0: "id-of-the-first"})])
    service.capabilities = replace(service.capabilities, recovery=Recovery.NONE)
    queued.run(until=FIRST + timedelta(days=2))
    assert Counter(service.accepted) == once_each(["lower-back"])
    assert queued.states() == {"accepted": 4, "unknown": 1}
    [left] = queued.app().resolving.unknown("back-pain/lower-back")
    assert left.address == "ben@example.org"


def test_refusals_of_every_repeat_leave_the_doubt_to_a_person(queued):
    service = queued.connect(script=[UNKNOWN, ACCEPTED, ACCEPTED, *[REFUSED] * 200])
    queued.run(until=FIRST + timedelta(days=3))
    assert Counter(service.accepted) == once_each(["lower-back"])
    assert queued.states() == {"accepted": 3, "unknown": 2}
    (waiting,) = queued.app().reporting.status().attention
    assert waiting.command == "newsletter resolve back-pain/lower-back"


def test_a_deferred_call_is_made_again_later(queued):
    service = queued.connect(script=[DEFERRED])
    queued.run(until=FIRST)
    assert queued.states() == {"planned": 5}
    queued.run(until=FIRST + timedelta(minutes=1))
    assert Counter(service.accepted) == once_each(["lower-back"])


def test_a_wrong_setting_holds_the_send_until_a_person_lets_it_go_on(queued):
    service = queued.connect(script=[MISCONFIGURED])
    queued.run(until=FIRST)
    assert release_of(queued).state is ReleaseState.HELD
    assert service.accepted == []
    app = queued.app()
    (waiting,) = app.reporting.status().attention
    assert waiting.command == "newsletter resume back-pain/lower-back"
    app.holding.resume("lower-back", app.clock.now())
    queued.run(until=FIRST)
    assert Counter(service.accepted) == once_each(["lower-back"])


def test_a_refused_call_is_split_until_the_poisonous_address_stands_alone(queued):
    service = queued.connect(poison=frozenset({"cleo@example.org"}))
    queued.run()
    assert Counter(service.accepted) == once_each(people=set(PEOPLE) - {"cleo"})
    assert queued.states() == {"accepted": 4, "rejected": 1}
    assert release_of(queued).state is ReleaseState.SETTLED


def test_every_part_of_a_split_has_a_key_of_its_own(queued):
    service = queued.connect(poison=frozenset({"ada@example.org"}))
    queued.run(until=FIRST)
    assert len({call.key for call in service.calls}) == len(service.calls)


@pytest.mark.parametrize("answer", [DEFERRED, MISCONFIGURED, REFUSED])
def test_a_send_that_is_cancelled_during_a_call_stays_cancelled(queued, answer):
    service = queued.connect(script=[answer])
    queued.release()
    delivering = queued.app().engine.delivering
    claim = delivering.next_work()
    (done,) = queued.cancel("lower-back")
    assert (done.stopped, done.gone) == (3, 2)
    delivering.finish(claim)
    assert release_of(queued).state is ReleaseState.CANCELLED
    assert queued.states() == {"cancelled": 5}
    queued.run(until=FIRST + timedelta(hours=1))
    assert service.accepted == []


def test_what_was_accepted_during_a_cancel_is_recorded(queued):
    queued.connect()
    queued.release()
    delivering = queued.app().engine.delivering
    claim = delivering.next_work()
    queued.cancel("lower-back")
    delivering.finish(claim)
    assert queued.states() == {"accepted": 2, "cancelled": 3}


def test_a_test_copy_goes_to_anybody_and_is_not_counted(queued):
    service = queued.connect()
    app = queued.app()
    answers = app.tests.send("back-pain/neck", ["boss@example.com", "ada@example.org"])
    assert {answer.outcome.value for answer in answers.values()} == {"accepted"}
    assert app.planning.plan(queued.clock.now(), 8).slots[1].recipients == 5
    queued.run()
    expected = once_each() + Counter([("neck", "boss"), ("neck", "ada")])
    assert Counter(service.accepted) == expected
    assert queued.states("neck") == {"accepted": 5}


def test_who_got_only_a_test_copy_is_no_subscriber(queued):
    queued.connect()
    app = queued.app()
    app.tests.send("neck", ["boss@example.com"])
    assert "boss@example.com" not in {row.address for row in app.subscribing.rows()}


def rehearse_then_send(office):
    office.run()
    service = office.connect()
    entries = office.queue()
    office.run(until=office.clock.now() + timedelta(weeks=3))
    assert [one.change.value for one in entries] == ["added", "added"]
    assert Counter(service.accepted) == once_each()


def test_a_rehearsal_does_not_stand_where_the_real_send_will(queued):
    rehearse_then_send(queued)


def test_without_occasions_of_its_own_it_would(queued, monkeypatch):
    monkeypatch.setattr(Preparing, "occasion", lambda self, tx, slot_id: 0)
    with pytest.raises(AssertionError):
        rehearse_then_send(queued)


@pytest.mark.parametrize("key", ["public_url", "postal_address"])
def test_no_real_mail_goes_out_while_a_setting_is_missing(office, key):
    file = office.root / "newsletter.toml"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(line for line in lines if not line.startswith(key)))
    office.app().refuse_unready()
    office.connect()
    with pytest.raises(Refused, match=key):
        office.app().refuse_unready()


def test_no_real_mail_goes_out_while_nothing_answers_the_way_out(office):
    file = office.root / "newsletter.toml"
    file.write_text(file.read_text().replace("https://news.example.org", "http://127.0.0.1:9"))
    office.connect()
    with pytest.raises(Refused, match="public_url"):
        office.app().refuse_silent_way_out()


def test_a_played_run_is_for_the_outbox_or_a_fake_alone(queued):
    queued.connect()
    with pytest.raises(Refused, match="outbox or a local fake only, not with service"):
        list(play(queued.app(), 1))


def test_a_simulation_changes_nothing_and_sends_nothing(queued, tmp_path):
    service = queued.connect()
    weeks = simulate(queued.app(), 3, tmp_path / "mails").weeks
    assert [week.mails for week in weeks] == [5, 5, 0]
    assert len(list((tmp_path / "mails").rglob("*.eml"))) == 10
    assert service.calls == []
    assert len(queued.slots()) == 2


def test_a_dry_pass_composes_each_due_call_and_makes_none(queued):
    service = queued.connect()
    queued.clock.advance_to(FIRST)
    with rehearsed_engine(queued.app()) as engine:
        calls = list(engine.due_calls())
    assert [(call.target, call.recipients) for call in calls] == [
        ("back-pain/lower-back", 2),
        ("back-pain/lower-back", 2),
        ("back-pain/lower-back", 1),
    ]
    assert service.calls == []
    assert len(queued.slots()) == 2


def test_a_second_sender_on_one_file_is_refused(queued):
    first, second = queued.app(), queued.app()
    with first.sending(), pytest.raises(Refused, match="another `newsletter run`"), second.sending():
        pass
