"""A person settles what nothing else can prove, and is told of every hold once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from store_cast import ACCEPTED, NOW, SALT, UNKNOWN, ScriptedProvider, capabilities, delivering

from newsletter.domain.provider import Answer, Outcome, Recovery
from newsletter.domain.release import ReleaseState
from newsletter.errors import Refused
from newsletter.pipeline.alerting import Alerting
from newsletter.pipeline.holding import Holding
from newsletter.pipeline.resolving import Resolution, Resolving
from newsletter.store import cancelling, deliveries, releases
from newsletter.store.tables import audit

SILENT = capabilities(recovery=Recovery.NONE)
OFFICE = ("office@example.org", "desk@example.org")


def in_doubt(newsletter, clock):
    """Call without an answer, and wait until nothing happens by itself."""
    provider = ScriptedProvider([UNKNOWN], SILENT)
    sender = delivering(newsletter.database, provider, clock)
    sender.step()
    clock.advance_to(NOW + timedelta(hours=1))
    assert not sender.step()
    return provider, sender


def resolve(newsletter, resolution, now):
    resolving = Resolving(newsletter.database)
    return resolving.resolve("back-pain", resolving.unknown("back-pain"), resolution, now)


def counts(newsletter):
    return newsletter.read(deliveries.counts_of, newsletter.sent.id)


def told(newsletter, now=NOW):
    return Alerting(newsletter.database, "scripted", OFFICE, SALT).tell(now)


def test_whose_outcome_is_unknown_is_listed_with_the_call(trio, clock):
    in_doubt(trio, clock)
    rows = Resolving(trio.database).unknown("back-pain")
    assert [row.address for row in rows] == ["ann@example.org", "bob@example.org", "cleo@example.org"]
    assert {(row.issue, row.provider, row.last_call_at, row.next_at) for row in rows} == {
        ("lower-back", "scripted", NOW, None)
    }


def test_marked_as_sent_they_are_accepted_and_the_release_settles(trio, clock):
    provider, sender = in_doubt(trio, clock)
    assert len(resolve(trio, Resolution.MARK_SENT, clock.now())) == 3
    assert counts(trio) == {"accepted": 3}
    assert trio.get_release(trio.sent.id).state is ReleaseState.SETTLED
    assert not sender.step()
    assert len(provider.mailings) == 1


def test_sent_again_they_get_it_under_another_key(trio, clock):
    provider, sender = in_doubt(trio, clock)
    resolve(trio, Resolution.SEND_AGAIN, clock.now())
    assert sender.step()
    first, second = provider.mailings
    assert first.key != second.key
    assert counts(trio) == {"accepted": 3}


def test_a_decision_leaves_an_audit_row(trio, clock):
    in_doubt(trio, clock)
    resolve(trio, Resolution.MARK_SENT, clock.now())
    rows = trio.rows(select(audit.c.what, audit.c.target, audit.c.detail))
    assert rows == [("mark_sent", "back-pain", {"people": 3})]


def test_where_nothing_is_unknown_there_is_nothing_to_decide(trio):
    with pytest.raises(Refused, match="no outcome of back-pain is unknown"):
        resolve(trio, Resolution.MARK_SENT, NOW)


@pytest.mark.parametrize(("resolution", "calls"), [(Resolution.MARK_SENT, 1), (Resolution.SEND_AGAIN, 2)])
def test_what_a_cancel_left_unknown_can_be_settled_too(trio, clock, resolution, calls):
    provider, sender = in_doubt(trio, clock)
    with trio.database.writing() as tx:
        cancelling.cancel_release(tx, trio.sent.id, clock.now())
        releases.change(tx, trio.sent.id, state=ReleaseState.CANCELLED)
    assert counts(trio) == {"unknown": 3}
    resolve(trio, resolution, clock.now())
    sender.step()
    assert counts(trio) == {"accepted": 3}
    assert len(provider.mailings) == calls


def test_a_hold_is_told_once_to_everybody_in_charge(trio, clock):
    in_doubt(trio, clock)
    assert [one.what for one in told(trio)] == ["unknown"]
    assert told(trio) == []
    provider = ScriptedProvider()
    sender = delivering(trio.database, provider, clock)
    clock.advance_to(NOW + timedelta(hours=2))
    while sender.step():
        pass
    assert sorted(provider.addresses) == sorted(OFFICE)


def test_a_held_release_is_told_again_when_it_is_held_again(trio, clock):
    wrong = Answer(Outcome.MISCONFIGURED, "the key is wrong")
    sender = delivering(trio.database, ScriptedProvider([wrong, ACCEPTED, ACCEPTED, wrong]), clock)
    sender.step()
    assert [(one.what, one.reason) for one in told(trio)] == [("held", "the key is wrong")]
    assert told(trio) == []
    Holding(trio.database).resume("back-pain", NOW)
    trio.release()
    while sender.step():
        pass
    assert [one.what for one in told(trio)] == ["held"]


def test_an_alert_says_what_is_held_why_and_how_it_goes_on(trio, clock):
    sender = delivering(
        trio.database, ScriptedProvider([Answer(Outcome.MISCONFIGURED, "the key is wrong")]), clock
    )
    sender.step()
    told(trio)
    claim = sender.next_work()
    text = "".join(piece for piece in claim.compiled.message.text if isinstance(piece, str))
    assert "back-pain/lower-back, due 2026-12-01 09:00 UTC, is held" in text
    assert "the key is wrong" in text
    assert "newsletter resume back-pain/lower-back" in text
    assert [name for name, _ in claim.compiled.message.headers] == ["Auto-Submitted", "Feedback-ID"]


def test_what_a_person_was_not_asked_about_is_left_alone(newsletter, clock):
    newsletter.join("ann", "bob")
    newsletter.queue()
    newsletter.sent = newsletter.release(batch_size=1)
    service = ScriptedProvider([UNKNOWN, UNKNOWN], replace(SILENT, batch_size=1))
    sender = delivering(newsletter.database, service, clock)
    resolving = Resolving(newsletter.database)
    sender.step()
    seen = resolving.unknown("back-pain")
    sender.step()
    assert [row.address for row in resolving.resolve("back-pain", seen, Resolution.MARK_SENT, NOW)] == [
        "ann@example.org"
    ]
    assert counts(newsletter) == {"accepted": 1, "unknown": 1}


def test_what_was_called_again_since_is_left_alone(trio, clock):
    keyed = capabilities(recovery=Recovery.KEY, key_ttl=timedelta(hours=24))
    sender = delivering(trio.database, ScriptedProvider([UNKNOWN], keyed), clock)
    sender.step()
    seen = Resolving(trio.database).unknown("back-pain")
    clock.advance_to(NOW + timedelta(minutes=5))
    under_way = sender.next_work()
    with pytest.raises(Refused, match="is unknown any more"):
        Resolving(trio.database).resolve("back-pain", seen, Resolution.SEND_AGAIN, clock.now())
    sender.record(under_way, ACCEPTED)
    assert counts(trio) == {"accepted": 3}
