from datetime import timedelta

import pytest
from provider_cases import opening
from search_cast import KEY, crowd, search, send

from newsletter.providers.settings import Secret
from newsletter.providers.sparkpost import SparkPost
from newsletter.testing.fake_sparkpost import Account, FakeSparkPost, Response


@pytest.fixture
def fake(clock):
    with FakeSparkPost(now=clock, index_lag=timedelta(minutes=5)) as running:
        yield running


provider_of = opening(lambda url, patience=None: SparkPost(url, Secret("any"), patience))


def page(*events, following="", total=None):
    links = [{"href": following, "rel": "next"}] if following else []
    count = len(events) if total is None else total
    return Response.of(200, {"results": events, "total_count": count, "links": links})


def event(pos, name="injection", **values):
    meta = {"reference": f"{KEY}-{pos}"}
    return {"type": name, "campaign_id": KEY, "rcpt_meta": meta, "transmission_id": "116", **values}


def test_what_was_accepted_is_found_once_the_events_have_it(account, clock):
    answer = send(account, *crowd())
    assert search(account, *crowd()).ids == {}
    clock.now += timedelta(minutes=5)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == (answer.ids, True)


def test_what_was_never_accepted_is_missing_although_another_campaign_looks_alike(account, clock):
    """The service compares the words between dashes only."""
    send(account, *crowd(key="nl-1-0-1-1"), key="nl-1-0-1-1")
    clock.now += timedelta(hours=1)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, True)


def test_only_those_who_have_it_are_found(account, clock):
    send(account, *crowd(2))
    clock.now += timedelta(hours=1)
    found = search(account, *crowd(3))
    assert (sorted(found.ids), found.is_complete) == ([0, 1], True)


def test_who_was_taken_and_then_refused_is_not_sent_to_again(account, fake, clock):
    fake.account = Account(suppressed={"reader1@example.org"})
    send(account, *crowd())
    clock.now += timedelta(hours=1)
    assert sorted(search(account, *crowd()).ids) == [0, 1, 2]


def test_a_thousand_are_found_over_several_pages(account, fake, clock):
    send(account, *crowd(1000))
    clock.now += timedelta(hours=1)
    before = len(fake.requests)
    assert len(search(account, *crowd(1000)).ids) == 1000
    assert len(fake.requests) - before == 4


def test_mails_that_lost_their_campaign_are_not_taken_for_missing(account, fake, clock):
    send(account, *crowd())
    clock.now += timedelta(hours=1)
    fake.reading.append(page())
    found = search(account, *crowd())
    assert (sorted(found.ids), found.is_complete) == ([0], False)


@pytest.mark.parametrize(
    "answer",
    [
        Response(500, b""),
        Response(502, b"<html>"),
        Response(401, b'{"errors":[]}'),
        Response(403, b'{"errors":[]}'),
        Response(429, b'{"errors":[]}'),
        Response(200, b""),
        Response(200, b'{"results":[{"type":"inj'),
        Response(200, b'{"results":{},"total_count":0}'),
        Response(200, b'{"results":[]}'),
        Response(200, b"[]"),
        page(total=3),
    ],
)
@pytest.mark.parametrize("good", [0, 1])
def test_events_that_cannot_be_read_prove_nothing(account, fake, answer, good):
    """Also the second look, without the campaign."""
    fake.reading.extend([page()] * good + [answer])
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, False)
    assert found.reason


@pytest.mark.parametrize(
    "following", ["https://evil.example/api/v1/events/message?cursor=1", "//evil.example/", "http://["]
)
def test_a_next_page_elsewhere_is_not_asked_for(account, fake, following):
    fake.reading.append(page(event(0), following=following))
    found = search(account, *crowd())
    assert (sorted(found.ids), found.is_complete, len(fake.requests)) == ([0], False, 1)


def test_pages_without_end_are_left(account, fake):
    fake.reading.extend([page(following="/api/v1/events/message?cursor=x")] * 30)
    assert not search(account, *crowd()).is_complete
    assert len(fake.requests) == 20


def test_events_of_others_prove_nothing(account, fake):
    strange = [event(9), event(0, "open"), "no event", {"type": "injection", "rcpt_meta": ["x"]}]
    fake.reading.extend([page(*strange), page()])
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, True)


def test_an_object_of_links_is_followed_too(account, fake):
    first = {"results": [event(0)], "total_count": 2, "links": {"next": "/api/v1/events/message?cursor=x"}}
    fake.reading.extend([Response.of(200, first), page(event(1))])
    assert sorted(search(account, *crowd(2)).ids) == [0, 1]


def test_nobody_listening_is_no_proof(account, fake):
    fake.__exit__()
    assert not search(account, *crowd()).is_complete


def test_nobody_is_looked_for_without_asking(account, fake):
    assert (search(account).is_complete, len(fake.requests)) == (True, 0)


def test_the_events_are_asked_for_from_before_the_first_call(account, fake):
    search(account, *crowd())
    asked = fake.requests[0].path
    assert asked.startswith("/api/v1/events/message?campaigns=nl-1-1-1-0&events=")
    assert "from=2026-12-01T08%3A00&per_page=300&cursor=initial" in asked
