import json
from datetime import UTC, datetime, timedelta

import pytest
from provider_cast import a_mailing, a_message, a_recipient

from newsletter.domain.provider import Inquiry
from newsletter.providers.mandrill import Mandrill
from newsletter.providers.settings import Secret
from newsletter.testing.fake_mandrill import FakeMandrill, Response

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
KEY = "nl-1-1-1-0"
SECRET = "md-S3cretS3cretS3cret"


class Hands:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Hands()


@pytest.fixture
def fake(clock):
    with FakeMandrill(now=clock, index_lag=timedelta(minutes=5)) as running:
        yield running


@pytest.fixture
def mandrill(fake):
    opened = Mandrill(fake.url, Secret(SECRET))
    yield opened
    opened.close()


def one(key=KEY, **values):
    return a_recipient(0, reference=f"{key}-0", **values)


def make(mandrill, recipient, key=KEY):
    return mandrill.compile(a_message())(a_mailing(recipient, key=key)).make()


def search(mandrill, *recipients):
    return mandrill.search(Inquiry(KEY, recipients or [one()], START))


def listed(reference=f"{KEY}-0", **values):
    return {"_id": "found", "email": "reader0@example.org", "metadata": {"reference": reference}, **values}


def test_what_was_accepted_is_found_once_the_log_has_it(mandrill, clock):
    answer = make(mandrill, one())
    assert search(mandrill).ids == {}
    clock.now += timedelta(minutes=5)
    found = search(mandrill)
    assert (found.ids, found.is_complete) == (answer.ids, True)


def test_another_mail_to_the_same_person_proves_nothing(mandrill, clock):
    make(mandrill, one("nl-1-1-2-0"), "nl-1-1-2-0")
    clock.now += timedelta(hours=1)
    found = search(mandrill)
    assert (found.ids, found.is_complete) == ({}, True)


def test_mails_that_are_not_found_by_their_address_are_not_taken_for_missing(mandrill, fake, clock):
    make(mandrill, one())
    clock.now += timedelta(hours=1)
    fake.reading.append(Response.of(200, []))
    found = search(mandrill)
    assert (sorted(found.ids), found.is_complete) == ([0], False)


@pytest.mark.parametrize(
    "answer",
    [
        Response(500, b'{"name":"GeneralError"}'),
        Response(500, json.dumps({"name": SECRET}).encode()),
        Response(429, b"{}"),
        Response(502, b"<html>"),
        Response(200, b""),
        Response(200, b'[{"_id":"x"'),
        Response(200, b"{}"),
        Response.of(200, [{"_id": "x"}]),
        Response.of(200, [7]),
    ],
)
@pytest.mark.parametrize("good", [0, 1])
def test_a_log_that_cannot_be_read_proves_nothing(mandrill, fake, answer, good):
    """Also the second look, without the address."""
    fake.reading.extend([Response.of(200, [])] * good + [answer])
    found = search(mandrill)
    assert (found.ids, found.is_complete) == ({}, False)
    assert found.reason
    assert SECRET not in found.reason


def test_mails_of_others_without_metadata_are_no_hindrance(mandrill, fake):
    fake.reading.append(Response.of(200, [listed(metadata=[]), listed(metadata=None), listed()]))
    found = search(mandrill)
    assert (found.ids, found.is_complete) == ({0: "found"}, True)


def test_a_list_that_is_full_is_not_complete(mandrill, fake):
    fake.reading.append(Response.of(200, [listed("another")] * 500))
    assert not search(mandrill).is_complete


@pytest.mark.parametrize(
    "address", ['"a b"@example.org', "a/b@example.org", "-a@example.org", "zoë@example.org"]
)
def test_an_address_with_signs_of_the_search_is_not_asked_for(mandrill, fake, address):
    found = search(mandrill, one(address=address))
    assert (found.is_complete, len(fake.requests)) == (False, 0)


def test_twenty_searches_a_minute_are_allowed_and_more_prove_nothing(mandrill, clock):
    make(mandrill, one())
    clock.now += timedelta(hours=1)
    assert [search(mandrill).is_complete for _ in range(21)] == [True] * 20 + [False]


def test_nobody_listening_is_no_proof(mandrill, fake):
    fake.__exit__()
    assert not search(mandrill).is_complete


def test_the_log_is_asked_for_the_address_from_the_day_before(mandrill, fake):
    search(mandrill)
    said = json.loads(fake.requests[0].body)
    assert said == {
        "key": SECRET,
        "query": "full_email:reader0@example.org",
        "date_from": "2026-11-30",
        "limit": 500,
    }
