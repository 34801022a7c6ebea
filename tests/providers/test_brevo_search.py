from datetime import timedelta

import pytest
from provider_cases import opening
from provider_cast import a_recipient
from search_cast import KEY, crowd, search, send

from newsletter.providers.brevo import Brevo
from newsletter.providers.settings import Secret
from newsletter.testing.fake_brevo import RETENTION, FakeBrevo, Response


@pytest.fixture
def fake(clock):
    with FakeBrevo(now=clock, index_lag=timedelta(minutes=5)) as running:
        yield running


provider_of = opening(lambda url, patience=None: Brevo(url, Secret("any"), patience))


def page(*rows):
    return Response.of(200, {"events": rows})


def row(pos, **values):
    return {"email": f"reader{pos}@example.org", "messageId": "<found@x>", "tag": f'["{KEY}"]', **values}


def test_what_was_taken_is_found_once_the_log_has_it(account, clock):
    answer = send(account, *crowd())
    assert search(account, *crowd()).ids == {}
    clock.now += timedelta(minutes=5)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == (answer.ids, True)
    clock.now += RETENTION
    assert search(account, *crowd()).ids == {}


def test_another_call_to_the_same_people_proves_nothing(account, clock):
    send(account, *crowd(), key="nl-1-1-2-0")
    clock.now += timedelta(hours=1)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, True)


def test_a_thousand_are_found_with_one_question(account, fake, clock):
    send(account, *crowd(1000))
    clock.now += timedelta(hours=1)
    before = len(fake.requests)
    assert len(search(account, *crowd(1000)).ids) == 1000
    assert len(fake.requests) - before == 1
    assert fake.requests[-1].path == (
        "/v3/smtp/statistics/events?event=requests&tags=%5B%22nl-1-1-1-0%22%5D&limit=2500&offset=0"
    )


def test_an_address_is_found_in_any_writing(account, fake):
    fake.reading.append(page(row(0, email="ANNA@xn--bcher-kva.example")))
    assert search(account, a_recipient(4, address="anna@bücher.example")).ids == {4: "found@x"}


def test_pages_are_turned_while_they_are_full(account, fake):
    fake.reading.extend([page(*[row(0)] * 2500), page(row(1))])
    assert sorted(search(account, *crowd()).ids) == [0, 1]
    assert "offset=2500" in fake.requests[1].path


def test_pages_without_end_are_left(account, fake):
    fake.reading.extend([page(*[row(0)] * 2500)] * 9)
    assert not search(account, *crowd()).is_complete
    assert len(fake.requests) == 4


@pytest.mark.parametrize(
    "answer",
    [
        Response(500, b'{"code":"internal_server_error"}'),
        Response(502, b"<html>"),
        Response(401, b'{"code":"unauthorized","message":"no"}'),
        Response(429, b'{"code":"too_many_requests"}'),
        Response(200, b""),
        Response(200, b'{"events":[{"em'),
        Response(200, b'{"events":{}}'),
        Response(200, b"[]"),
    ],
)
def test_a_log_that_cannot_be_read_proves_nothing(account, fake, answer):
    fake.reading.append(answer)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, False)
    assert found.reason


@pytest.mark.parametrize("tag", ['["another"]', "", None, 7])
def test_a_log_that_lists_other_mails_does_not_search_by_tag(account, fake, tag):
    fake.reading.append(page(row(0, tag=tag)))
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, False)


def test_the_hundred_searches_of_an_hour_are_kept_to(account, clock):
    answers = [search(account, *crowd()).is_complete for _ in range(101)]
    assert answers == [True] * 100 + [False]
    clock.now += timedelta(hours=1)
    assert search(account, *crowd()).is_complete


def test_nobody_listening_is_no_proof(account, fake):
    fake.__exit__()
    assert not search(account, *crowd()).is_complete
