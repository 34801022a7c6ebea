from datetime import timedelta

import pytest
from provider_cases import opening
from provider_cast import a_recipient
from search_cast import crowd, search, send

from newsletter.providers.mailjet import Mailjet
from newsletter.providers.settings import Secret
from newsletter.testing.fake_mailjet import FakeMailjet, Response


@pytest.fixture
def fake(clock):
    with FakeMailjet(now=clock, index_lag=timedelta(minutes=5)) as running:
        yield running


provider_of = opening(lambda url, patience=None: Mailjet(url, Secret("any"), Secret("any"), patience))


def page(*rows):
    return Response.of(200, {"Count": len(rows), "Data": rows, "Total": len(rows)})


def test_what_was_accepted_is_found_once_the_log_has_it(account, fake, clock):
    answer = send(account, *crowd())
    assert search(account, *crowd()).ids == {}
    clock.now += timedelta(minutes=5)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == (answer.ids, True)
    assert fake.requests[-1].path == "/v3/REST/message?CustomID=nl-1-1-1-0-2&Limit=10"


def test_only_those_who_have_it_are_found(account, clock):
    send(account, *crowd()[:2])
    clock.now += timedelta(hours=1)
    found = search(account, *crowd())
    assert (sorted(found.ids), found.is_complete) == ([0, 1], True)


def test_what_was_never_accepted_is_missing_from_a_complete_answer(account, clock):
    send(account, *crowd(key="nl-1-1-2-0"), key="nl-1-1-2-0")
    clock.now += timedelta(hours=1)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, True)


def test_a_mail_that_was_called_for_again_is_found_as_it_first_went(account, clock):
    answer = send(account, *crowd())
    send(account, *crowd())
    clock.now += timedelta(hours=1)
    assert search(account, *crowd()).ids == answer.ids


@pytest.mark.parametrize(
    "answer",
    [
        Response(500, b'{"ErrorMessage":"no"}'),
        Response(502, b"<html>"),
        Response(401, b'{"ErrorMessage":"no"}'),
        Response(429, b'{"ErrorMessage":"slow down"}'),
        Response(200, b""),
        Response(200, b'{"Data":[{"ID":1'),
        Response(200, b'{"Data":{}}'),
        Response(200, b"{}"),
        Response(200, b"[]"),
        page("no message"),
        page({"ID": 1.5}),
        page({}),
        # Of several people: it was not searched by what we asked for.
        page({"ID": 1, "ContactID": 1}, {"ID": 2, "ContactID": 2}),
    ],
)
@pytest.mark.parametrize("good", [0, 1])
def test_a_log_that_cannot_be_read_proves_nothing_of_who_is_missing(account, fake, answer, good):
    fake.reading.extend([page({"ID": 7, "ContactID": 1})] * good + [answer])
    found = search(account, *crowd())
    assert (sorted(found.ids), found.is_complete) == ([0][:good], False)
    assert found.reason


def test_a_mail_without_a_reference_cannot_be_searched_for(account, fake):
    assert not search(account, a_recipient(0, reference="")).is_complete
    assert not fake.requests


def test_nobody_listening_is_no_proof(account, fake):
    fake.__exit__()
    assert not search(account, *crowd()).is_complete


def test_nobody_asked_for_is_nobody_missing(account):
    assert search(account).is_complete
