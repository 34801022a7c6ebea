import json
from datetime import timedelta

import pytest

from newsletter.domain.provider import Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.mailgun import read_answer

NOON = "Tue, 01 Dec 2026 12:00:00 GMT"
ERRORS = [
    (400, "to parameter is not a valid address. please check documentation", Outcome.REFUSED),
    (400, "recipient-variables parameter is not a valid JSON", Outcome.REFUSED),
    (400, "from parameter is not a valid address. please check documentation", Outcome.MISCONFIGURED),
    (400, "'from' parameter is not a valid address", Outcome.MISCONFIGURED),
    (400, "Domain x is not allowed to send: The domain is unverified", Outcome.MISCONFIGURED),
    (400, "not allowed to send: account not activated", Outcome.MISCONFIGURED),
    (401, "Invalid private key", Outcome.MISCONFIGURED),
    (402, "Payment required", Outcome.MISCONFIGURED),
    (403, "Domain x is not allowed to send large batches yet", Outcome.MISCONFIGURED),
    (403, "Sandbox subdomains are for test purposes only", Outcome.MISCONFIGURED),
    (404, "Domain not found: x", Outcome.MISCONFIGURED),
    (413, "Request Entity Too Large", Outcome.REFUSED),
    (422, "a rule of tomorrow", Outcome.REFUSED),
    (429, "request limit exceeded", Outcome.DEFERRED),
    (429, "recipient limit exceeded", Outcome.DEFERRED),
    (429, "bytes limit exceeded", Outcome.DEFERRED),
    (500, "Internal Server Error", Outcome.UNKNOWN),
    (502, "Bad Gateway", Outcome.UNKNOWN),
    (503, "Service Unavailable", Outcome.UNKNOWN),
    (504, "Gateway Timeout", Outcome.UNKNOWN),
]


def read(status, body, positions=(0, 1), **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(
        Reply(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw), positions
    )


@pytest.mark.parametrize(("status", "words", "outcome"), ERRORS)
def test_every_refusal_is_classified(status, words, outcome):
    answer = read(status, {"message": words})
    assert (answer.outcome, answer.status) == (outcome, status)
    assert words in answer.reason


def test_one_id_is_everybodys_without_its_brackets():
    answer = read(200, {"id": "<1.2@news.example.org>", "message": "Queued. Thank you."}, positions=(4, 7))
    assert (answer.outcome, answer.ids) == (
        Outcome.ACCEPTED,
        {4: "1.2@news.example.org", 7: "1.2@news.example.org"},
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"id":"<1.2@',
        b"[]",
        b"null",
        b"{}",
        b'{"message":"Queued. Thank you."}',
        b'{"id":""}',
        b'{"id":7}',
        b'{"id":"<>"}',
        b"OK",
        b"<html>fine</html>",
        b"\xff\xfe",
        b"a page with Mailgun Magnificent API in it",
    ],
)
def test_a_success_that_cannot_be_read_proves_nothing(body):
    assert read(200, body).outcome is Outcome.UNKNOWN


def test_the_page_of_an_unknown_path_proves_that_nothing_was_taken():
    answer = read(200, b"Mailgun Magnificent API\n")
    assert (answer.outcome, answer.ids) == (Outcome.MISCONFIGURED, {})


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (301, Outcome.MISCONFIGURED),
        (401, Outcome.MISCONFIGURED),
        (408, Outcome.UNKNOWN),
        (429, Outcome.DEFERRED),
        (502, Outcome.UNKNOWN),
        (520, Outcome.UNKNOWN),
    ],
)
def test_a_page_of_the_network_is_judged_by_its_status(status, outcome):
    answer = read(status, b"<html>error</html>")
    assert (answer.outcome, answer.reason) == (outcome, f"HTTP {status}")


def test_a_plain_text_refusal_is_repeated():
    assert read(401, b"Forbidden").reason == "HTTP 401: Forbidden"


@pytest.mark.parametrize(
    ("words", "wait"),
    [
        ("try again after 30 seconds", timedelta(seconds=30)),
        ("try again after 5 minutes", timedelta(minutes=5)),
        ("Try again in 2h", timedelta(hours=2)),
        ("try again after 999999999 seconds", timedelta(hours=24)),
        ("try again after Tue, 01 Dec 2026 12:00:45 GMT", timedelta(seconds=45)),
        ("try again after 2026-12-01T12:01:00Z.", timedelta(minutes=1)),
        ("try again after Tue, 01 Dec 2026 11:00:00 GMT", timedelta(0)),
        ("try again after the weekend", None),
        ("slow down", None),
    ],
)
def test_the_time_in_the_text_of_a_limit_is_read(words, wait):
    assert read(429, {"message": f"limit exceeded, {words}"}, date=NOON).retry_after == wait


def test_of_two_times_the_later_one_counts():
    said = {"message": "limit exceeded, try again after 30 seconds"}
    assert read(429, said, retry_after="7").retry_after == timedelta(seconds=30)
    assert read(429, said, retry_after="70").retry_after == timedelta(seconds=70)
    assert read(429, {"message": "limit exceeded"}, retry_after="7").retry_after == timedelta(seconds=7)
