import json
from datetime import timedelta

import pytest
from provider_cases import opening
from provider_cast import a_recipient
from search_cast import KEY, START, crowd, search, send

from newsletter.providers import mailgun_log
from newsletter.providers.mailgun import Mailgun
from newsletter.providers.settings import Secret
from newsletter.testing.fake_mailgun import FakeMailgun, Response


@pytest.fixture
def fake(clock):
    with FakeMailgun(now=clock, index_lag=timedelta(minutes=20)) as running:
        yield running


provider_of = opening(lambda url, patience=None: Mailgun(url, Secret("any"), patience))


def page(*events, following=""):
    return Response.of(200, {"items": events, "paging": {"next": following}})


def event(address, key=KEY, **values):
    message = {"headers": {"message-id": "found@news.example.org"}}
    return {"event": "accepted", "recipient": address, "tags": [key], "message": message, **values}


def test_what_was_accepted_is_found_once_the_log_has_it(account, fake, clock):
    answer = send(account, *crowd())
    assert search(account, *crowd()).ids == {}
    clock.now += timedelta(minutes=20)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == (answer.ids, True)


def test_what_was_never_accepted_is_missing_from_a_complete_answer(account, clock):
    send(account, *crowd(key="nl-1-1-2-0"), key="nl-1-1-2-0")
    clock.now += timedelta(hours=1)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, True)


def test_only_those_who_have_it_are_found(account, clock):
    send(account, *crowd(2))
    clock.now += timedelta(hours=1)
    found = search(account, *crowd(3))
    assert (sorted(found.ids), found.is_complete) == ([0, 1], True)


def test_a_thousand_are_found_over_several_pages(account, fake, clock):
    send(account, *crowd(1000))
    clock.now += timedelta(hours=1)
    before = len(fake.requests)
    assert len(search(account, *crowd(1000)).ids) == 1000
    assert len(fake.requests) - before == 4


def test_mails_that_lost_their_tag_are_not_taken_for_missing(account, fake, clock):
    send(account, *crowd())
    clock.now += timedelta(hours=1)
    fake.reading.append(page())
    found = search(account, *crowd())
    assert sorted(found.ids) == [0]
    assert not found.is_complete


@pytest.mark.parametrize(
    "answer",
    [
        Response(500, b'{"message":"Internal Server Error"}'),
        Response(502, b"<html>"),
        Response(401, b"Forbidden"),
        Response(404, b'{"message":"Domain not found"}'),
        Response(429, b'{"message":"slow down"}'),
        Response(200, b"Mailgun Magnificent API"),
        Response(200, b""),
        Response(200, b'{"items":[{"event":"acc'),
        Response(200, b'{"items":{}}'),
        Response(200, b"[]"),
    ],
)
@pytest.mark.parametrize("good", [0, 1])
def test_a_log_that_cannot_be_read_proves_nothing(account, fake, answer, good):
    """Also the second look, without the tag."""
    fake.reading.extend([page()] * good + [answer])
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, False)
    assert found.reason


def test_a_page_that_fails_leaves_what_was_found_before_it(account, fake):
    following = f"{fake.url}/v3/news.example.org/events/more"
    fake.reading.extend([page(event("reader0@example.org"), following=following), Response(500, b"")])
    found = search(account, *crowd())
    assert (sorted(found.ids), found.is_complete) == ([0], False)


@pytest.mark.parametrize(
    "following", ["", "https://evil.example/v3/x/events/1", "//evil.example/", "http://["]
)
def test_a_next_page_elsewhere_is_not_asked_for(account, fake, following):
    fake.reading.append(page(event("reader0@example.org"), following=following))
    before = len(fake.requests)
    found = search(account, *crowd())
    assert (sorted(found.ids), found.is_complete) == ([0], False)
    assert len(fake.requests) - before == 1


def test_the_key_never_goes_to_another_host(account, fake):
    with FakeMailgun() as other:
        fake.reading.append(page(event("reader0@example.org"), following=f"{other.url}/v3/x/events/1"))
        search(account, *crowd())
        assert not other.requests


def test_pages_without_end_are_left(account, fake):
    following = f"{fake.url}/v3/news.example.org/events/more"
    fake.reading.extend([page(event("somebody@example.org"), following=following)] * 30)
    found = search(account, *crowd())
    assert not found.is_complete
    assert len(fake.requests) == 20


def test_events_of_others_prove_nothing(account, fake):
    strange = [
        event("reader0@example.org", key="nl-another"),
        event("reader0@example.org", event="rejected"),
        event("somebody@example.org"),
        event("reader0@example.org", tags="nl-1-1-1-0"),
        "no event",
        {"event": "accepted", "user-variables": {"reference": ["x"]}, "tags": None},
    ]
    fake.reading.extend(
        [page(*strange, following=f"{fake.url}/v3/news.example.org/events/x"), page(), page()]
    )
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, True)


def test_a_reference_finds_its_recipient_under_another_spelling(account, fake):
    told = event("READER@example.org", tags=[], **{"user-variables": {"reference": f"{KEY}-2"}})
    also = event("Reader1@Example.org", key=KEY.upper())
    fake.reading.append(page(told, also, following=f"{fake.url}/v3/news.example.org/events/x"))
    fake.reading.append(page())
    assert search(account, *crowd()).ids == dict.fromkeys((1, 2), "found@news.example.org")


def test_nobody_listening_is_no_proof(account, fake):
    fake.__exit__()
    assert not search(account, *crowd()).is_complete


def test_recipients_without_a_domain_cannot_be_searched_for(account, fake):
    assert not search(account, a_recipient(0, message_id="")).is_complete
    assert not fake.requests


def test_the_log_is_asked_for_the_tag_from_before_the_first_call(account, fake):
    search(account, *crowd())
    asked = str(fake.requests[0].path)
    assert asked.startswith("/v3/news.example.org/events?tags=nl-1-1-1-0&event=accepted&begin=")
    assert f"begin={int((START - timedelta(hours=1)).timestamp())}&ascending=yes&limit=300" in asked


def test_without_the_second_look_a_lost_tag_would_count_as_not_sent(account, fake, clock, monkeypatch):
    monkeypatch.setattr(
        mailgun_log.EventLog,
        "find",
        lambda self, inquiry: self._look(inquiry, "news.example.org", {"tags": inquiry.key}),
    )
    send(account, *crowd())
    clock.now += timedelta(hours=1)
    fake.reading.append(page())
    found = search(account, *crowd())
    assert json.dumps(found.ids) == "{}"
    assert found.is_complete
