import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_cast import a_recipient

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.mailersend_answers import read_answer, read_status

DATE = "Tue, 01 Dec 2026 18:00:00 GMT"
TWO = (a_recipient(4), a_recipient(7))
ERRORS = [
    (400, "Bad request", Outcome.REFUSED),
    (401, "Unauthenticated.", Outcome.MISCONFIGURED),
    (403, "This action is unauthorized. #MS40301", Outcome.MISCONFIGURED),
    (404, "Not Found", Outcome.MISCONFIGURED),
    (408, "Request Timeout", Outcome.UNKNOWN),
    (413, "Too large", Outcome.REFUSED),
    (421, "Maintenance", Outcome.DEFERRED),
    (422, "Duplicate recipients. #MS42201", Outcome.REFUSED),
    (422, "Quota. #MS42204", Outcome.MISCONFIGURED),
    (422, "Too many. #MS42205", Outcome.REFUSED),
    (422, "The domain must be verified. #MS42207", Outcome.MISCONFIGURED),
    (422, "Bad address. #MS42208", Outcome.REFUSED),
    (422, "Quota. #MS42222", Outcome.MISCONFIGURED),
    (422, "More than 500. #MS42229", Outcome.REFUSED),
    (422, "This feature is not available on your plan", Outcome.MISCONFIGURED),
    (422, "a rule of tomorrow", Outcome.REFUSED),
    (429, "Slow down. #MS42903", Outcome.DEFERRED),
    (429, "Daily quota. #MS42901", Outcome.DEFERRED),
    (500, "Server Error", Outcome.UNKNOWN),
    (502, "Bad Gateway", Outcome.UNKNOWN),
    (503, "Unavailable", Outcome.UNKNOWN),
    (504, "Timeout", Outcome.UNKNOWN),
]


def reply(status, body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def status(recipients=TWO, code=200, **data):
    return read_status(reply(code, {"data": {"state": "completed", **data}}), "batch", recipients)


@pytest.mark.parametrize(("code", "words", "outcome"), ERRORS)
def test_every_refusal_is_classified(code, words, outcome):
    answer = read_answer(reply(code, {"message": words}))
    assert (answer.outcome, answer.status) == (outcome, code)
    assert words in answer.reason


def test_the_field_at_fault_tells_whose_fault_it_is():
    said = {"message": "Invalid", "errors": {"from.email": ["must be verified #MS42207"]}}
    assert read_answer(reply(422, said)).outcome is Outcome.MISCONFIGURED


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"date": DATE}, timedelta(hours=6)),
        ({"date": DATE, "x_apiquota_reset": "2026-12-01T20:00:00Z"}, timedelta(hours=2)),
        ({"date": DATE, "x_apiquota_reset": "soon"}, timedelta(hours=6)),
        ({}, timedelta(hours=24)),
    ],
)
def test_a_used_up_day_is_waited_for(headers, wait):
    assert read_answer(reply(429, {"message": "#MS42901"}, **headers)).retry_after == wait
    minute = read_answer(reply(429, {"message": "#MS42903"}, retry_after="7", **headers))
    assert minute.retry_after == timedelta(seconds=7)


def test_a_batch_that_is_taken_in_has_an_id():
    assert read_answer(reply(202, {"message": "x", "bulk_email_id": "614470d1"})) == "614470d1"


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (200, {"bulk_email_id": "x"}),
        (202, b""),
        (202, b'{"bulk_email_id":"'),
        (202, {"bulk_email_id": ""}),
        (202, {"bulk_email_id": 7}),
        (202, []),
        (202, b"<html>"),
        (202, b"\xff"),
    ],
)
def test_a_success_that_cannot_be_read_proves_nothing(code, body):
    assert read_answer(reply(code, body)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "found",
    [
        reply(500, b""),
        reply(200, b"<html>"),
        reply(200, {"data": {"state": "queued"}}),
        reply(200, {"data": {"state": "processing"}}),
        reply(200, {"data": []}),
        reply(404, {"data": {"state": "completed"}}),
    ],
)
def test_a_status_that_is_not_complete_says_nothing_yet(found):
    assert read_status(found, "batch", TWO) is None


def test_a_completed_batch_is_accepted_for_all_but_the_named():
    assert status() == Answer(Outcome.ACCEPTED, ids={4: "batch", 7: "batch"}, status=200)
    fault = {"message.1": {"to.0.email": ["The to email must be valid. #MS42208"]}}
    answer = status(validation_errors=fault, validation_errors_count=1)
    assert (answer.outcome, answer.ids, sorted(answer.rejected)) == (Outcome.ACCEPTED, {4: "batch"}, [7])


@pytest.mark.parametrize(
    "told",
    [["READER7@example.org"], [{"email": "reader7@example.org"}], {"x": {"y": ["reader7@example.org"]}}],
)
def test_the_suppressed_are_found_in_any_shape(told):
    answer = status(suppressed_recipients=told, suppressed_recipients_count=1)
    assert (answer.outcome, answer.rejected) == (Outcome.ACCEPTED, {7: "suppressed at MailerSend"})


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        (
            {"message.0": ["from.email must be verified"], "message.1": ["from.email must be verified"]},
            "misconfigured",
        ),
        ([{"from.email": ["must be verified"]}, {"from.email": ["must be verified"]}], "misconfigured"),
        ({"0": {"subject": ["x"]}, "1": {"subject": ["x"]}}, "misconfigured"),
        ({"message.0": ["from.email must be verified"]}, "unknown"),
    ],
)
def test_what_refuses_everybody_alike_holds(errors, outcome):
    assert status(validation_errors=errors, validation_errors_count=len(errors)).outcome == outcome


@pytest.mark.parametrize(
    "data",
    [
        {"validation_errors": {"strange": ["x"]}, "validation_errors_count": 1},
        {"validation_errors": "x", "validation_errors_count": 1},
        {"suppressed_recipients": None, "suppressed_recipients_count": 1},
        {"suppressed_recipients": ["other@example.org"], "suppressed_recipients_count": 1},
    ],
)
def test_refusals_that_name_nobody_leave_all_unknown(data):
    answer = status(**data)
    assert (answer.outcome, answer.ids) == (Outcome.UNKNOWN, {})


shapes = st.recursive(
    st.none() | st.integers(-1, 3) | st.sampled_from(["message.0", "1", "reader7@example.org", "#MS42207"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["message.0", "message.1", "9", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(shapes, shapes, st.integers(0, 3), st.integers(0, 3))
def test_no_status_proves_more_than_it_counts(errors, suppressed, faults, gone):
    answer = status(
        validation_errors=errors,
        suppressed_recipients=suppressed,
        validation_errors_count=faults,
        suppressed_recipients_count=gone,
    )
    if answer.outcome is Outcome.ACCEPTED:
        assert {*answer.ids, *answer.rejected} == {4, 7}
        assert len(answer.rejected) >= faults + gone
