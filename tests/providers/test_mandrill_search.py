import json
from datetime import timedelta

import pytest
from provider_cases import opening
from provider_cast import a_recipient
from search_cast import KEY, START, send

from newsletter.domain.provider import Inquiry
from newsletter.providers.mandrill import Mandrill
from newsletter.providers.settings import Secret
from newsletter.testing.fake_mandrill import FakeMandrill, Response

SECRET = "md-S3cretS3cretS3cret"


@pytest.fixture
def fake(clock):
    with FakeMandrill(now=clock, index_lag=timedelta(minutes=5)) as running:
        yield running


provider_of = opening(lambda url, patience=None: Mandrill(url, Secret(SECRET), patience))


def one(key=KEY, **values):
    return a_recipient(0, reference=f"{key}-0", **values)


def search(account, *recipients):
    return account.search(Inquiry(KEY, recipients or [one()], START))


def listed(reference=f"{KEY}-0", **values):
    return {"_id": "found", "email": "reader0@example.org", "metadata": {"reference": reference}, **values}


def test_what_was_accepted_is_found_once_the_log_has_it(account, clock):
    answer = send(account, one())
    assert search(account).ids == {}
    clock.now += timedelta(minutes=5)
    found = search(account)
    assert (found.ids, found.is_complete) == (answer.ids, True)


def test_another_mail_to_the_same_person_proves_nothing(account, clock):
    send(account, one("nl-1-1-2-0"), key="nl-1-1-2-0")
    clock.now += timedelta(hours=1)
    found = search(account)
    assert (found.ids, found.is_complete) == ({}, True)


def test_mails_that_are_not_found_by_their_address_are_not_taken_for_missing(account, fake, clock):
    send(account, one())
    clock.now += timedelta(hours=1)
    fake.reading.append(Response.of(200, []))
    found = search(account)
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
def test_a_log_that_cannot_be_read_proves_nothing(account, fake, answer, good):
    """Also the second look, without the address."""
    fake.reading.extend([Response.of(200, [])] * good + [answer])
    found = search(account)
    assert (found.ids, found.is_complete) == ({}, False)
    assert found.reason
    assert SECRET not in found.reason


def test_mails_of_others_without_metadata_are_no_hindrance(account, fake):
    fake.reading.append(Response.of(200, [listed(metadata=[]), listed(metadata=None), listed()]))
    found = search(account)
    assert (found.ids, found.is_complete) == ({0: "found"}, True)


def test_a_list_that_is_full_is_not_complete(account, fake):
    fake.reading.append(Response.of(200, [listed("another")] * 500))
    assert not search(account).is_complete


@pytest.mark.parametrize(
    "address", ['"a b"@example.org', "a/b@example.org", "-a@example.org", "zoë@example.org"]
)
def test_an_address_with_signs_of_the_search_is_not_asked_for(account, fake, address):
    found = search(account, one(address=address))
    assert (found.is_complete, len(fake.requests)) == (False, 0)


def test_twenty_searches_a_minute_are_allowed_and_more_prove_nothing(account, clock):
    send(account, one())
    clock.now += timedelta(hours=1)
    assert [search(account).is_complete for _ in range(21)] == [True] * 20 + [False]


def test_nobody_listening_is_no_proof(account, fake):
    fake.__exit__()
    assert not search(account).is_complete


def test_the_log_is_asked_for_the_address_from_the_day_before(account, fake):
    search(account)
    said = json.loads(fake.requests[0].body)
    assert said == {
        "key": SECRET,
        "query": "full_email:reader0@example.org",
        "date_from": "2026-11-30",
        "limit": 500,
    }
