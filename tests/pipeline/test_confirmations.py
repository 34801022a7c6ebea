"""A confirmation goes before all issues, and is looked at again when it is called for."""

from datetime import timedelta

import pytest
from letter_cast import FIRST, FRIDAY, UNKNOWN, rewrite

from newsletter.domain.subscriber import Evidence, Subscriber, address_hash
from newsletter.store import series, subscribers
from newsletter.store.tables import series as table

NEW = "new@example.org"


def request(office, address=NEW):
    """Ask for a series as the form does."""
    app = office.app()
    hash_ = address_hash(address, app.deployment.salt)
    with app.database.writing() as tx:
        person = {hash_: Subscriber(address, "Typed by somebody")}
        id_ = (subscribers.ids_by_hash(tx, [hash_]) or subscribers.add_people(tx, person))[hash_]
        of = series.find(tx, "back-pain")
        app.pages.sign_ups.request(tx, of, id_, Evidence(office.clock.now(), "form", "Yes."))


def confirmations(service):
    return [(at, name) for at, issue, name in service.log if issue == "_confirm"]


def test_a_confirmation_leaves_within_ten_seconds_while_issues_go_out(queued):
    rewrite(queued.root / "newsletter.toml", "name =", "provider.calls_per_second = 1\nname =")
    queued.join(*(f"reader{number}" for number in range(60)))
    service = queued.connect()
    app = queued.app()
    asked_at = None
    with app.sending():
        for now in app.engine.instants(queued.clock, FIRST + timedelta(minutes=10)):
            if asked_at is None and len(service.calls) >= 5:
                asked_at = now
                request(queued)
    [(left_at, name)] = confirmations(service)
    assert name == "new"
    assert left_at - asked_at <= timedelta(seconds=10)
    after = [at for at, issue, _ in service.log if issue == "lower-back" and at > left_at]
    assert len(after) > 40


def test_a_confirmation_names_nobody_and_has_a_link_of_its_own(office):
    office.queue()
    service = office.connect()
    request(office)
    office.run(until=FRIDAY + timedelta(seconds=10))
    [recipient] = service.calls[0].recipients
    assert (recipient.address, recipient.name) == (NEW, "")
    assert recipient.action_url.startswith("https://news.example.org/c/v1.")


def test_a_confirmation_whose_outcome_is_unknown_is_repeated_word_for_word(office):
    office.queue()
    service = office.connect(script=[UNKNOWN])
    request(office)
    office.run(until=FRIDAY + timedelta(hours=1))
    first, second = service.calls
    assert first.recipients[0].action_url == second.recipients[0].action_url
    assert len(confirmations(service)) == 1


@pytest.mark.parametrize("how", ["confirmed", "left", "forgotten"])
def test_nobody_is_asked_to_confirm_what_is_settled(office, how):
    office.queue()
    service = office.connect()
    request(office)
    app = office.app()
    if how == "confirmed":
        app.enrolling.add(NEW, "", "", "back-pain", "on paper")
    elif how == "left":
        app.leaving.unsubscribe(NEW, None, office.clock.now())
    else:
        app.leaving.forget(NEW, office.clock.now())
    office.run(until=FRIDAY + timedelta(hours=1))
    assert service.calls == []


def test_a_pending_person_gets_no_issue(queued):
    service = queued.connect()
    request(queued)
    queued.run(until=FIRST)
    assert "new" not in [name for issue, name in service.accepted if issue == "lower-back"]


def test_an_older_letter_says_who_sends_by_its_issues(office):
    office.queue()
    with office.app().database.writing() as tx:
        settings = tx.execute(table.select()).one().settings
        old = {name: value for name, value in settings.items() if name not in ("sender", "reply_to")}
        tx.execute(table.update().values(settings=old))
    service = office.connect()
    request(office)
    office.run(until=FRIDAY + timedelta(seconds=10))
    assert len(confirmations(service)) == 1
