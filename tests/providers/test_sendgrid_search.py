from datetime import UTC, datetime, timedelta

import pytest
from provider_cases import opening
from provider_cast import a_mailing, a_message, a_recipient

from newsletter.domain.provider import Inquiry
from newsletter.providers.sendgrid import SendGrid
from newsletter.providers.settings import Secret
from newsletter.testing.fake_sendgrid import RETENTION, FakeSendGrid, Response

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
KEY = "nl-d1-1-1-0"
LAG = timedelta(minutes=2)


@pytest.fixture
def fake(clock):
    with FakeSendGrid(now=clock, index_lag=LAG) as running:
        yield running


provider_of = opening(lambda url, patience=None: SendGrid(url, Secret("SG.any"), patience))


def crowd(count=3, key=KEY, **values):
    return [a_recipient(pos, reference=f"{key}-{pos}", **values) for pos in range(count)]


def send(account, *recipients):
    return account.compile(a_message())(a_mailing(*recipients)).make()


def search(account, *recipients):
    return account.search(Inquiry(KEY, recipients, START))


def listed(*ids):
    return Response.of(200, {"messages": [{"sg_message_id": id_} for id_ in ids]})


def told(**values):
    return Response.of(200, {"sg_message_id": "a.b", "custom_args": {}, **values})


def test_what_was_accepted_is_found_once_the_log_has_it(account, clock):
    answer = send(account, *crowd())
    assert search(account, *crowd()).ids == {}
    clock.now += LAG
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == (answer.ids, True)
    clock.now += RETENTION
    assert search(account, *crowd()).ids == {}


@pytest.mark.parametrize("key", ["nl-d1-1-2-0", "nl-d1-1-1-1", "nl-d2-1-1-0"])
def test_mails_of_another_call_to_the_same_people_are_not_taken_for_this_one(account, clock, key):
    send(account, *crowd(key=key))
    clock.now += timedelta(hours=1)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, True)


def test_one_who_is_found_speaks_for_all(account, fake, clock):
    answer = send(account, *crowd(20))
    del fake.ledger.accepted[0]
    clock.now += LAG
    found = search(account, *crowd(20))
    assert (found.ids, found.is_complete) == (answer.ids, True)


def test_three_are_asked_for_before_nobody_has_it(account, fake):
    found = search(account, *crowd(20))
    assert (found.ids, found.is_complete) == ({}, True)
    assert [b"reader0@" in one.body for one in fake.requests] == [True, False, False]
    assert {one.path for one in fake.requests} == {"/v3/logs"}


def test_nobody_is_found_without_asking(account, fake):
    assert search(account).is_complete
    assert not fake.requests


def test_an_address_in_capitals_is_found_however_the_log_keeps_it(account, fake, clock):
    ann = a_recipient(0, reference=f"{KEY}-0", address="Ann@Example.org")
    send(account, ann)
    clock.now += LAG
    assert search(account, ann).ids
    (mail,) = fake.ledger.accepted
    fake.ledger.accepted[0] = type(mail)(**{**vars(mail), "address": "ann@example.org"})
    assert search(account, ann).ids


def test_what_was_sent_long_before_is_not_looked_at(account, fake, clock):
    clock.now -= timedelta(hours=2)
    send(account, *crowd(1))
    clock.now += timedelta(hours=4)
    assert search(account, *crowd(1)).ids == {}
    assert len(fake.requests) == 2


def test_a_quote_in_an_address_is_never_put_into_a_search(account, fake):
    found = search(account, a_recipient(0, address="o'neil@example.org"))
    assert (found.ids, found.is_complete, len(fake.requests)) == ({}, False, 0)
    assert search(account, a_recipient(0, address="o'neil@example.org"), a_recipient(1)).is_complete


def test_a_key_that_may_not_read_the_log_is_told_what_it_lacks(account, fake):
    fake.account.may_read = False
    found = search(account, *crowd())
    assert not found.is_complete
    assert found.reason == "the log answered HTTP 403; the key needs the right to read Email Logs"


@pytest.mark.parametrize(
    "answers",
    [
        [Response(503, b"")],
        [Response(429, b"")],
        [Response(200, b"{")],
        [Response(200, b"[]")],
        [Response.of(200, {})],
        [Response.of(200, {"messages": "none"})],
        [Response.of(200, {"messages": [7]})],
        [Response.of(200, {"messages": [{"sg_message_id": None}]})],
        [listed(*map(str, range(51)))],
        [listed("a.b"), Response(404, b"{}")],
        [listed("a.b"), Response(200, b"")],
        [listed("a.b"), Response.of(200, {"sg_message_id": "a.b"})],
        [listed("a.b"), told(custom_args=None)],
    ],
)
def test_an_answer_that_is_not_whole_proves_nothing(account, fake, answers):
    fake.reading.extend(answers)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, False)
    assert found.reason


def test_nobody_listening_proves_nothing(fake, provider_of):
    account = provider_of(fake.url)
    fake.__exit__()
    assert not search(account, *crowd()).is_complete


def test_an_id_of_the_log_is_no_path(account, fake):
    fake.reading.extend([listed("../mail/send?a=b"), told(custom_args={"newsletter_reference": f"{KEY}-0"})])
    found = search(account, *crowd(1))
    assert fake.requests[1].path == "/v3/logs/..%2Fmail%2Fsend%3Fa%3Db"
    assert found.is_complete
