"""Kill an ordinary run at every commit and every call: each issue reaches everybody exactly once."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from exactly_once_cast import EVERYBODY, FIRST_SLOT, Crash, Fuse, Stage, crashing
from sqlalchemy import insert

from newsletter.app import App
from newsletter.domain import delivery as decisions
from newsletter.domain import unknown
from newsletter.domain.provider import Answer, Outcome
from newsletter.operating import play
from newsletter.pipeline import claiming, delivering, preparing, recording
from newsletter.pipeline.preparing import Preparing
from newsletter.store import batches, claims, picking, sequences
from newsletter.store.hot import Hot
from newsletter.store.tables import delivery

UNKNOWN = Answer(Outcome.UNKNOWN, "no answer")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prepared")
    Stage(root).prepare()
    return root


def staged(prepared: Path, tmp_path: Path, name: str) -> Stage:
    return Stage(shutil.copytree(prepared, tmp_path / name))


def boundaries(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    stage, fuse = staged(prepared, tmp_path, "whole"), Fuse()
    stage.provider.fuse = fuse
    with crashing(fuse, monkeypatch):
        stage.play()
    return fuse.count


def run_killed_at(stage: Stage, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fuse = stage.provider.fuse = Fuse(limit)
    with crashing(fuse, monkeypatch), pytest.raises(Crash):
        stage.play()
    stage.provider.fuse = Fuse()
    stage.play()


def sweep(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give the boundaries at which a kill lost or repeated a mail."""
    for limit in range(1, boundaries(prepared, tmp_path, monkeypatch) + 1):
        stage = staged(prepared, tmp_path, str(limit))
        run_killed_at(stage, limit, monkeypatch)
        if Counter(stage.provider.accepted) != EVERYBODY or stage.states() != {"accepted": 10}:
            yield limit


def test_a_kill_at_any_boundary_loses_and_repeats_nothing(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert boundaries(prepared, tmp_path, monkeypatch) > 40
    assert list(sweep(prepared, tmp_path / "sweep", monkeypatch)) == []


def test_a_kill_at_any_boundary_of_a_sequence_loses_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "CHUNK", 2)
    stage = Stage(tmp_path / "prepared")
    stage.prepare("sequence")
    # Two of the five are ahead by one issue, so that each slot is of both.
    with stage.app().database.writing() as tx:
        first = next(part for part in sequences.parts(tx, 1) if part.slug == "first")
        tx.execute(
            insert(delivery),
            [
                {"issue_id": first.issue_id, "subscriber_id": id_, "occasion": 0, "state": "accepted"}
                for id_ in (2, 4)
            ],
        )
    expected = Counter({pair: 1 for pair in EVERYBODY if pair not in {("first", 2), ("first", 4)}})
    number = boundaries(stage.root, tmp_path, monkeypatch)
    assert number > 40
    # Every transaction has three: each second one is of every kind, and takes half the time.
    for limit in range(1, number + 1, 2):
        killed = staged(stage.root, tmp_path, str(limit))
        run_killed_at(killed, limit, monkeypatch)
        assert (limit, Counter(killed.provider.accepted)) == (limit, expected)


def test_a_fresh_key_for_every_attempt_would_send_twice(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "batch_key", lambda deployment, batch: f"{batch.id}-{batch.epoch}")
    assert next(sweep(prepared, tmp_path, monkeypatch), None)


def test_an_unknown_outcome_is_asked_again_under_the_same_key(prepared: Path, tmp_path: Path) -> None:
    stage = staged(prepared, tmp_path, "a")
    stage.provider.script = [(UNKNOWN, True), (UNKNOWN, False)]
    stage.play()
    first = [call for call in stage.provider.calls if call.key == stage.provider.calls[0].key]
    assert len(first) > 1
    assert all(call.recipients == first[0].recipients and call.date == first[0].date for call in first)
    assert Counter(stage.provider.accepted) == EVERYBODY


def test_nobody_who_left_after_the_release_gets_it(prepared: Path, tmp_path: Path) -> None:
    stage = staged(prepared, tmp_path, "a")
    leave_after_release(stage)
    assert ("first", 1) not in stage.provider.accepted
    assert stage.states()["suppressed"] == 1


def test_without_the_look_at_consent_the_one_who_left_would_get_it(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims.Member, "why_not", None)
    stage = staged(prepared, tmp_path, "a")
    leave_after_release(stage)
    assert ("first", 1) in stage.provider.accepted


def leave_after_release(stage: Stage) -> None:
    app = stage.app()
    stage.clock.advance_to(FIRST_SLOT)
    app.engine.releasing.tick(stage.clock.now())
    stage.leave(1)
    stage.play()


def test_a_call_that_would_start_too_late_is_given_back(prepared: Path, tmp_path: Path) -> None:
    stage = staged(prepared, tmp_path, "a")
    assert start_late(stage).outcome is Outcome.DEFERRED
    assert stage.provider.calls == []
    stage.play()
    assert Counter(stage.provider.accepted) == EVERYBODY


def test_without_the_deadline_it_would_be_called(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "START_DEADLINE", timedelta(days=1))
    stage = staged(prepared, tmp_path, "a")
    start_late(stage)
    assert stage.provider.calls


def start_late(stage: Stage) -> Answer:
    app = stage.app()
    stage.clock.advance_to(FIRST_SLOT)
    app.engine.releasing.tick(stage.clock.now())
    claim = app.engine.delivering.next_work()
    assert claim is not None
    stage.clock.advance_to(FIRST_SLOT + timedelta(seconds=30))
    return app.engine.delivering.finish(claim)


def test_beyond_the_life_of_the_key_an_unknown_outcome_waits_for_a_person(
    prepared: Path, tmp_path: Path
) -> None:
    stage = staged(prepared, tmp_path, "a")
    outlive_the_key(stage)
    assert max(Counter(stage.provider.accepted).values()) == 1
    assert stage.states()["unknown"] == 2


def test_without_the_guard_the_key_would_be_outlived_and_two_people_mailed_twice(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown, "_key_is_safe", lambda batch, capabilities, now: True)
    stage = staged(prepared, tmp_path, "a")
    outlive_the_key(stage)
    assert max(Counter(stage.provider.accepted).values()) == 2


def outlive_the_key(stage: Stage) -> None:
    late = Answer(Outcome.UNKNOWN, "no answer", retry_after=timedelta(hours=25))
    stage.provider.script = [(late, True)]
    stage.play()


def test_a_refusal_to_come_later_does_not_clear_a_doubt(prepared: Path, tmp_path: Path) -> None:
    stage = staged(prepared, tmp_path, "a")
    doubt_then_deferral(stage)
    assert max(Counter(stage.provider.accepted).values()) == 1


def test_if_it_did_two_people_would_be_mailed_twice(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = decisions.record_for

    def forgetful(batch: decisions.Batch, answer: Answer, **rest: object) -> decisions.Record:
        return original(replace(batch, tainted=False), answer, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(recording, "record_for", forgetful)
    stage = staged(prepared, tmp_path, "a")
    doubt_then_deferral(stage)
    assert max(Counter(stage.provider.accepted).values()) == 2


def doubt_then_deferral(stage: Stage) -> None:
    later = Answer(Outcome.DEFERRED, "quota", retry_after=timedelta(hours=25))
    others = [(Answer(Outcome.ACCEPTED), True)] * 2
    stage.provider.script = [(UNKNOWN, True), *others, (later, False)]
    stage.play()


def test_a_worker_that_lost_its_lease_cannot_undo_what_another_recorded(
    prepared: Path, tmp_path: Path
) -> None:
    stage = staged(prepared, tmp_path, "a")
    late_negative(stage)
    assert stage.states()["accepted"] == 2


def test_without_the_fence_it_could(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_RECORD", Hot(batches._CHANGE.values(batches._OUTCOME)))
    stage = staged(prepared, tmp_path, "a")
    late_negative(stage)
    assert stage.states()["accepted"] == 0


def late_negative(stage: Stage) -> None:
    app = stage.app()
    stage.clock.advance_to(FIRST_SLOT)
    app.engine.releasing.tick(stage.clock.now())
    engine = app.engine.delivering
    slow = engine.next_work()
    assert slow is not None
    stage.clock.advance_to(FIRST_SLOT + timedelta(minutes=5))
    fast = engine.next_work()
    assert fast is not None
    assert fast.batch.id == slow.batch.id
    engine.finish(fast)
    engine.record(slow, Answer(Outcome.DEFERRED, "busy"))


def test_whoever_is_refused_ends_alone_with_the_reason(prepared: Path, tmp_path: Path) -> None:
    stage = staged(prepared, tmp_path, "a")
    refused = Answer(Outcome.REFUSED, "no such mailbox")
    stage.provider.script = [(refused, False), *[(Answer(Outcome.ACCEPTED), True)] * 2, (refused, False)]
    stage.play()
    assert stage.states() == {"accepted": 9, "rejected": 1}
    assert max(Counter(stage.provider.accepted).values()) == 1


def test_a_wrong_key_holds_the_release_and_resume_sends_it(prepared: Path, tmp_path: Path) -> None:
    stage = staged(prepared, tmp_path, "a")
    stage.provider.script = [(Answer(Outcome.MISCONFIGURED, "the API key is invalid"), False)]
    stage.play(weeks=0)
    (held,) = stage.app().reporting.status().attention
    assert held.what == "held: the API key is invalid"
    stage.app().holding.resume("series/first", stage.clock.now())
    stage.play()
    assert Counter(stage.provider.accepted) == EVERYBODY


def test_a_rehearsal_never_counts_as_the_real_send(prepared: Path, tmp_path: Path) -> None:
    assert Counter(rehearse_then_send(staged(prepared, tmp_path, "a"))) == EVERYBODY


def test_if_it_stood_in_its_place_nobody_would_get_the_real_one(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Preparing, "occasion", lambda self, tx, slot_id: 0)
    anything = picking._where_ready(picking._REAL_GOING_ON, picking._IS_MINE[True])
    monkeypatch.setattr(picking, "_READY", {True: anything, False: anything})
    assert rehearse_then_send(staged(prepared, tmp_path, "a")) == []


def rehearse_then_send(stage: Stage) -> list[tuple[str, int]]:
    rehearsal = App(stage.root, clock=stage.clock, environment={})
    with rehearsal.sending():
        assert len(list(play(rehearsal, 2))) == 2
    stage.clock.advance_to(FIRST_SLOT + timedelta(weeks=3))
    stage.app().queueing.queue(["series"], now=stage.clock.now())
    stage.play(weeks=8)
    return stage.provider.accepted


def test_those_a_cancel_stopped_get_it_when_it_is_queued_again(prepared: Path, tmp_path: Path) -> None:
    stage = staged(prepared, tmp_path, "a")
    app = stage.app()
    stage.clock.advance_to(FIRST_SLOT)
    app.engine.releasing.tick(stage.clock.now())
    assert app.engine.delivering.step()
    (cancelled,) = app.cancelling.cancel("series/first", stage.clock.now())
    assert (cancelled.stopped, cancelled.gone) == (3, 2)
    app.queueing.queue(["series/first"], now=stage.clock.now())
    stage.play(weeks=4)
    assert Counter(stage.provider.accepted) == EVERYBODY
