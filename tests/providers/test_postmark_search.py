from datetime import timedelta

import pytest
from provider_cases import opening
from search_cast import KEY, crowd, search, send

from newsletter.providers.postmark import Postmark
from newsletter.providers.settings import Secret
from newsletter.testing.fake_postmark import RETENTION, FakePostmark, Response, Server


@pytest.fixture
def fake(clock):
    with FakePostmark(
        now=clock, index_lag=timedelta(minutes=2), server=Server(unsubscribes="Custom")
    ) as running:
        yield running


provider_of = opening(lambda url, patience=None: Postmark(url, Secret("any"), patience))


def page(*rows, total=None):
    return Response.of(200, {"TotalCount": len(rows) if total is None else total, "Messages": rows})


def row(reference, **values):
    return {"MessageID": "found", "Metadata": {"reference": reference, "mailing": KEY}, **values}


def test_what_was_accepted_is_found_once_the_log_has_it(account, clock):
    answer = send(account, *crowd())
    assert search(account, *crowd()).ids == {}
    clock.now += timedelta(minutes=2)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == (answer.ids, True)
    clock.now += RETENTION
    assert search(account, *crowd()).ids == {}


def test_what_was_never_accepted_is_missing_from_a_complete_answer(account, clock):
    send(account, *crowd(key="nl-1-1-2-0"), key="nl-1-1-2-0")
    clock.now += timedelta(hours=1)
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, True)


def test_only_those_who_have_it_are_found(account, fake, clock):
    fake.server.credits = 2
    send(account, *crowd(3))
    clock.now += timedelta(hours=1)
    found = search(account, *crowd(3))
    assert (sorted(found.ids), found.is_complete) == ([0, 1], True)


def test_an_earlier_generation_is_another_key(account, clock):
    send(account, *crowd(3))
    clock.now += timedelta(hours=1)
    assert search(account, *crowd(3, key="nl-1-1-1-1"), key="nl-1-1-1-1").ids == {}


def test_a_notice_is_found_in_the_other_stream(account, clock):
    send(account, *crowd(1), notice="confirm")
    clock.now += timedelta(hours=1)
    assert sorted(search(account, *crowd(1)).ids) == [0]


def test_five_hundred_are_found_with_one_question(account, fake, clock):
    send(account, *crowd(500))
    clock.now += timedelta(hours=1)
    before = len(fake.requests)
    assert len(search(account, *crowd(500)).ids) == 500
    assert len(fake.requests) - before == 1


def test_pages_are_turned_while_more_is_counted_than_listed(account, fake):
    fake.reading.extend([page(row(f"{KEY}-0"), total=2), page(row(f"{KEY}-1"), total=2)])
    assert sorted(search(account, *crowd()).ids) == [0, 1]
    assert "offset=1" in fake.requests[1].path


def test_a_log_that_counts_more_than_it_lists_is_not_complete(account, fake):
    fake.reading.extend([page(row(f"{KEY}-0"), total=2), page(total=2)])
    found = search(account, *crowd())
    assert (sorted(found.ids), found.is_complete) == ([0], False)


def test_pages_without_end_are_left(account, fake):
    fake.reading.extend([page(row("nl-another-0"), total=10_000)] * 30)
    assert not search(account, *crowd()).is_complete
    assert len(fake.requests) == 20


@pytest.mark.parametrize(
    "answer",
    [
        Response(500, b'{"ErrorCode":500,"Message":"Internal Server Error"}'),
        Response(502, b"<html>"),
        Response(401, b'{"ErrorCode":10,"Message":"no"}'),
        Response(429, b'{"ErrorCode":429,"Message":"slow down"}'),
        Response(200, b""),
        Response(200, b'{"TotalCount":1,"Messages":[{"Mess'),
        Response(200, b'{"TotalCount":1,"Messages":{}}'),
        Response(200, b'{"Messages":[]}'),
        Response(200, b'{"TotalCount":"1","Messages":[]}'),
        Response(200, b"[]"),
    ],
)
@pytest.mark.parametrize("good", [0, 1, 2, 3])
def test_a_log_that_cannot_be_read_proves_nothing(account, fake, answer, good):
    """In either stream, by metadata or by recipient."""
    fake.reading.extend([page()] * good + [answer])
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, False)
    assert found.reason


def test_mails_that_the_metadata_does_not_find_are_not_taken_for_missing(account, fake, clock):
    send(account, *crowd())
    clock.now += timedelta(hours=1)
    fake.reading.extend([page(), page()])
    found = search(account, *crowd())
    assert (sorted(found.ids), found.is_complete) == ([0], False)


@pytest.mark.parametrize("strange", ["no message", {"MessageID": "a"}, {"MessageID": "a", "Metadata": None}])
def test_mails_that_do_not_tell_whose_they_are_leave_the_answer_open(account, fake, strange):
    fake.reading.append(page(strange))
    assert not search(account, *crowd()).is_complete


def test_mails_of_others_prove_nothing(account, fake):
    fake.reading.append(page(row("nl-another-0"), row(["x"]), {"MessageID": "a", "Metadata": {}}))
    found = search(account, *crowd())
    assert (found.ids, found.is_complete) == ({}, True)


def test_the_names_of_metadata_may_come_back_in_capitals(account, fake):
    fake.reading.append(page({"MessageID": "found", "Metadata": {"Reference": f"{KEY}-2"}}))
    assert search(account, *crowd()).ids == {2: "found"}


def test_nobody_listening_is_no_proof(account, fake):
    fake.__exit__()
    assert not search(account, *crowd()).is_complete


def test_nobody_asked_for_is_nobody_missing(account, fake):
    assert search(account).is_complete
    assert not fake.requests


def test_every_stream_is_asked_for_by_its_name(account, fake):
    search(account, *crowd())
    asked = [str(request.path) for request in fake.requests]
    assert asked[0] == (
        "/messages/outbound?metadata_mailing=nl-1-1-1-0&messagestream=broadcast&count=500&offset=0"
    )
    assert [path.partition("messagestream=")[2].partition("&")[0] for path in asked] == [
        "broadcast", "outbound", "broadcast", "outbound",
    ]  # fmt: skip
    assert "recipient=reader0%40example.org" in asked[2]
