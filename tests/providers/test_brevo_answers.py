import json
from datetime import timedelta

import pytest

from newsletter.domain.provider import Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.brevo_answers import read_answer

ACCEPTED, REFUSED, DEFERRED = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.DEFERRED
UNKNOWN, MISCONFIGURED, REPEATED = Outcome.UNKNOWN, Outcome.MISCONFIGURED, Outcome.REPEATED
#: The status, the code, what is said, and what it proves.
ERRORS = [
    (400, "invalid_parameter", "email is not valid in to", REFUSED),
    (400, "invalid_parameter", "Sending has been rejected: the sender is not valid.", MISCONFIGURED),
    (400, "invalid_parameter", "valid sender email address is required", MISCONFIGURED),
    (400, "invalid_parameter", "valid replyTo email address is required", MISCONFIGURED),
    (400, "invalid_parameter", "idempotencyKey is not a valid UUID", MISCONFIGURED),
    (400, "missing_parameter", "htmlContent is missing", MISCONFIGURED),
    (400, "out_of_range", "messageVersions has 1000 elements at most", REFUSED),
    (400, "bad_request", "Input must be a valid JSON object", REFUSED),
    (400, "duplicate_parameter", "The key has been used.", REPEATED),
    (409, "duplicate_parameter", "The key has been used.", REPEATED),
    (422, "duplicate_parameter", "The key has been used.", REPEATED),
    (400, "duplicate_request", "Such a request is being processed.", UNKNOWN),
    (401, "unauthorized", "Key not found", MISCONFIGURED),
    (401, "unauthorized", "You are using an unrecognised IP address.", MISCONFIGURED),
    (401, "code_of_tomorrow", "no", MISCONFIGURED),
    (402, "not_enough_credits", "Insufficient credits.", MISCONFIGURED),
    (400, "not_enough_credits", "Insufficient credits.", MISCONFIGURED),
    (402, "code_of_tomorrow", "pay", MISCONFIGURED),
    (403, "permission_denied", "no", MISCONFIGURED),
    (403, "account_under_validation", "Your account is under validation.", MISCONFIGURED),
    (404, "document_not_found", "no", MISCONFIGURED),
    (405, "method_not_allowed", "no", MISCONFIGURED),
    (400, "code_of_tomorrow", "no", REFUSED),
    (413, "too_large", "no", REFUSED),
    (429, "too_many_requests", "Too many requests.", DEFERRED),
    # The same code with another status is about something else.
    (429, "duplicate_parameter", "Too many requests.", DEFERRED),
    (500, "internal_server_error", "no", UNKNOWN),
    (500, "invalid_parameter", "no", UNKNOWN),
    (502, "unauthorized", "no", UNKNOWN),
    (503, "unavailable", "no", UNKNOWN),
]


def read(status, body, positions=(0, 1), **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(
        Reply(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw), positions
    )


@pytest.mark.parametrize(("status", "code", "words", "outcome"), ERRORS)
def test_every_error_is_classified(status, code, words, outcome):
    answer = read(status, {"code": code, "message": words})
    assert (answer.outcome, answer.status, answer.ids, answer.rejected) == (outcome, status, {}, {})
    assert f"{code}; {words}" in answer.reason


def test_ids_belong_to_positions_in_order():
    said = {"messageIds": ["<a@smtp-relay.mailin.fr>", "<b@smtp-relay.mailin.fr>"]}
    answer = read(201, said, positions=(4, 7))
    assert answer.ids == {4: "a@smtp-relay.mailin.fr", 7: "b@smtp-relay.mailin.fr"}


def test_a_single_id_belongs_to_a_single_recipient():
    assert read(201, {"messageId": "<a@x>"}, positions=(4,)).ids == {4: "a@x"}


@pytest.mark.parametrize(
    "said", [{"messageIds": ["<a@x>"]}, {"messageIds": ["<a@x>", 7]}, {"messageId": "a"}]
)
def test_a_success_with_too_few_ids_is_one_for_everybody_and_names_nobody(said):
    answer = read(201, said)
    assert (answer.outcome, answer.ids) == (ACCEPTED, {})
    assert "1 ids for 2 mails" in answer.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"messageIds":[]}',
        b'{"messageIds":[7]}',
        b'{"messageId":""}',
        b"<html>",
    ],
)
def test_a_success_that_cannot_be_read_proves_nothing(body):
    assert read(201, body).outcome is UNKNOWN


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (301, MISCONFIGURED),
        (400, REFUSED),
        (401, MISCONFIGURED),
        (402, MISCONFIGURED),
        (403, MISCONFIGURED),
        (404, MISCONFIGURED),
        (408, UNKNOWN),
        (413, REFUSED),
        (429, DEFERRED),
        (500, UNKNOWN),
        (502, UNKNOWN),
        (504, UNKNOWN),
    ],
)
@pytest.mark.parametrize("body", [b"<html>error</html>", b'{"code": 7}', b'"text"', b"\xff\xfe"])
def test_an_error_of_another_shape_is_judged_by_its_status(status, outcome, body):
    assert read(status, body).outcome is outcome


def test_a_wait_is_told_in_a_header_of_their_own():
    said = {"code": "too_many_requests", "message": "no"}
    assert read(429, said, x_sib_ratelimit_reset="7").retry_after == timedelta(seconds=7)
    assert read(429, said, x_sib_ratelimit_reset="9" * 12).retry_after == timedelta(hours=24)
    assert read(429, said, retry_after="3").retry_after == timedelta(seconds=3)
    for nothing in ("", "soon", "-1", "٧"):
        assert read(429, said, x_sib_ratelimit_reset=nothing).retry_after is None


def test_a_reason_has_no_address_in_it():
    said = {"code": "invalid_parameter", "message": "ann@example.org is not valid"}
    assert read(400, said).reason == "HTTP 400: invalid_parameter; (address) is not valid"
