import json
from datetime import timedelta

import pytest

from newsletter.domain.provider import Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.resend import read_answer

NOON = "Tue, 01 Dec 2026 12:00:00 GMT"
ERRORS = [
    (400, "validation_error", Outcome.REFUSED),
    (400, "invalid_idempotency_key", Outcome.REFUSED),
    (422, "missing_required_field", Outcome.REFUSED),
    (422, "invalid_attachment", Outcome.REFUSED),
    (422, "invalid_parameter", Outcome.REFUSED),
    (422, "missing_required_parameter", Outcome.REFUSED),
    (422, "validation_error", Outcome.REFUSED),
    (422, "a_name_of_tomorrow", Outcome.REFUSED),
    (401, "missing_api_key", Outcome.MISCONFIGURED),
    (401, "restricted_api_key", Outcome.MISCONFIGURED),
    (403, "invalid_api_key", Outcome.MISCONFIGURED),
    (403, "suspended_api_key", Outcome.MISCONFIGURED),
    (403, "invalid_permission", Outcome.MISCONFIGURED),
    (403, "validation_error", Outcome.MISCONFIGURED),
    (404, "not_found", Outcome.MISCONFIGURED),
    (405, "method_not_allowed", Outcome.MISCONFIGURED),
    (409, "concurrent_idempotent_requests", Outcome.UNKNOWN),
    (409, "resource_locked", Outcome.UNKNOWN),
    (409, "invalid_idempotent_request", Outcome.MISMATCHED),
    (429, "rate_limit_exceeded", Outcome.DEFERRED),
    (429, "daily_quota_exceeded", Outcome.DEFERRED),
    (429, "monthly_quota_exceeded", Outcome.MISCONFIGURED),
    (500, "application_error", Outcome.UNKNOWN),
    (500, "service_unavailable", Outcome.UNKNOWN),
    (503, "service_unavailable", Outcome.UNKNOWN),
]


def read(status, body, positions=(0, 1), **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(
        Reply(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw), positions
    )


def failed(status, name, **headers):
    return read(status, {"statusCode": status, "name": name, "message": "words"}, **headers)


def ids(*names):
    return {"data": [{"id": name} for name in names]}


@pytest.mark.parametrize(("status", "name", "outcome"), ERRORS)
def test_every_error_is_classified(status, name, outcome):
    answer = failed(status, name)
    assert (answer.outcome, answer.status) == (outcome, status)
    assert name in answer.reason


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.UNKNOWN),
        (301, Outcome.MISCONFIGURED),
        (403, Outcome.MISCONFIGURED),
        (404, Outcome.MISCONFIGURED),
        (408, Outcome.UNKNOWN),
        (409, Outcome.UNKNOWN),
        (413, Outcome.REFUSED),
        (429, Outcome.DEFERRED),
        (502, Outcome.UNKNOWN),
        (520, Outcome.UNKNOWN),
    ],
)
def test_a_page_of_the_network_is_judged_by_its_status(status, outcome):
    assert read(status, b"<html>error</html>").outcome is outcome


@pytest.mark.parametrize("name", ["concurrent_idempotent_requests", "resource_locked"])
def test_a_call_still_running_is_asked_again_in_half_a_minute(name):
    assert failed(409, name).retry_after == timedelta(seconds=30)


def test_a_daily_quota_waits_for_the_next_day_of_the_providers_clock():
    assert failed(429, "daily_quota_exceeded", date=NOON).retry_after == timedelta(hours=12)
    assert failed(429, "daily_quota_exceeded", retry_after="5").retry_after == timedelta(hours=24)


@pytest.mark.parametrize(
    ("written", "wait"),
    [
        ("7", timedelta(seconds=7)),
        ("999999999999", timedelta(hours=24)),
        ("Tue, 01 Dec 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Tue, 01 Dec 2026 11:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("-3", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(written, wait):
    assert failed(429, "rate_limit_exceeded", date=NOON, retry_after=written).retry_after == wait


def test_ids_belong_to_positions_in_order():
    assert read(200, ids("a", "b"), positions=(4, 7)).ids == {4: "a", 7: "b"}


def test_rejected_ones_are_skipped_when_ids_are_dealt_out():
    said = {**ids("a", "c"), "errors": [{"index": 1, "message": "bad\naddress"}]}
    answer = read(200, said, positions=(2, 5, 9))
    assert (answer.ids, answer.rejected) == ({2: "a", 9: "c"}, {5: "bad address"})


def test_everybody_rejected_is_an_answer_about_everybody():
    said = {"data": [], "errors": [{"index": 0, "message": "x"}, {"index": 1, "message": "y"}]}
    assert read(200, said).rejected == {0: "x", 1: "y"}


@pytest.mark.parametrize(
    "said", [ids("a"), ids("a", "b", "c"), {"data": [{"id": "a"}, {}]}, {"data": ["a", "b"]}]
)
def test_the_wrong_number_of_ids_gives_ids_to_nobody(said):
    answer = read(200, said)
    assert (answer.outcome, answer.ids) == (Outcome.ACCEPTED, {})
    assert "ids for 2 mails" in answer.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"data":[{"id":"a"},',
        b"[]",
        b"null",
        b"{}",
        b'{"data":{}}',
        b'{"data":[]}',
        b'{"data":[{"id":"a"}],"errors":[{"index":7}]}',
        b'{"data":[{"id":"a"}],"errors":["x"]}',
        b'{"data":[{"id":"a"}],"errors":[{"index":true}]}',
    ],
)
def test_a_success_that_cannot_be_read_proves_nothing(body):
    assert read(200, body).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("body", [b'{"name": 5}', b'{"name": null}', b'"text"', b"\xff\xfe"])
def test_an_error_of_another_shape_is_judged_by_its_status(body):
    assert read(422, body).outcome is Outcome.REFUSED
