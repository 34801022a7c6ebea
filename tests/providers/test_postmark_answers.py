import json
from datetime import timedelta

import pytest

from newsletter.domain.provider import Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.postmark_answers import read_answer

REFUSED, DEFERRED, UNKNOWN = Outcome.REFUSED, Outcome.DEFERRED, Outcome.UNKNOWN
ACCEPTED, MISCONFIGURED = Outcome.ACCEPTED, Outcome.MISCONFIGURED
#: Of a whole call: the status, the ErrorCode, what is said, and what it proves.
ERRORS = [
    (401, 10, "No Account or Server API tokens were supplied in the HTTP headers.", MISCONFIGURED),
    (422, 400, "The 'From' address you supplied is not a Sender Signature.", MISCONFIGURED),
    (422, 401, "The 'From' address you supplied is not confirmed.", MISCONFIGURED),
    (422, 405, "Not allowed to send: you ran out of credits.", MISCONFIGURED),
    (422, 412, "Your account is pending.", MISCONFIGURED),
    (422, 413, "Your account may not send.", MISCONFIGURED),
    (422, 1226, "The message stream for the provided 'ID' was not found.", MISCONFIGURED),
    (422, 1235, "The stream provided does not exist on this server.", MISCONFIGURED),
    (422, 300, "Invalid 'From' address: 'x'.", MISCONFIGURED),
    (422, 300, "Error parsing 'From': illegal email address.", MISCONFIGURED),
    (422, 300, "Invalid 'ReplyTo' address: 'x'.", MISCONFIGURED),
    (422, 300, "Invalid 'To' address: 'x'.", REFUSED),
    (422, 300, "Error parsing 'To': illegal email domain.", REFUSED),
    (422, 300, "Provide either email TextBody or HtmlBody or both.", REFUSED),
    (422, 406, "Found inactive addresses: x.", REFUSED),
    (422, 402, "Invalid JSON.", REFUSED),
    (422, 403, "Incompatible JSON.", REFUSED),
    (415, 409, "JSON required.", MISCONFIGURED),
    (422, 409, "JSON required.", MISCONFIGURED),
    (422, 410, "Too many batch messages.", REFUSED),
    (422, 411, "Forbidden attachment type.", MISCONFIGURED),
    (422, 4711, "A code of tomorrow.", REFUSED),
    (413, 0, "Request entity too large.", REFUSED),
    (429, 429, "Too many requests.", DEFERRED),
    (429, 10, "Too many requests.", DEFERRED),
    (500, 500, "Internal server error.", UNKNOWN),
    (500, 10, "Internal server error.", UNKNOWN),
    (502, 413, "Bad gateway.", UNKNOWN),
    (503, 0, "Service unavailable.", DEFERRED),
    (503, 100, "Maintenance.", DEFERRED),
    (422, 100, "Maintenance.", DEFERRED),
]
#: Of one row in an answer of 200, where another was accepted: is that row rejected, or the call in doubt?
ROWS = [
    (300, "Invalid 'To' address: 'x'.", ACCEPTED),
    (300, "Invalid header.", ACCEPTED),
    (402, "Invalid JSON.", ACCEPTED),
    (403, "Incompatible JSON.", ACCEPTED),
    (406, "Found inactive addresses: x.", ACCEPTED),
    (410, "Too many batch messages.", ACCEPTED),
    (4711, "A code of tomorrow.", ACCEPTED),
    (10, "Bad token.", UNKNOWN),
    (100, "Maintenance.", UNKNOWN),
    (300, "Invalid 'From' address: 'x'.", UNKNOWN),
    (400, "Not a Sender Signature.", UNKNOWN),
    (401, "Not confirmed.", UNKNOWN),
    (405, "You ran out of credits.", UNKNOWN),
    (409, "JSON required.", UNKNOWN),
    (411, "Forbidden attachment type.", UNKNOWN),
    (412, "Your account is pending.", UNKNOWN),
    (413, "Your account may not send.", UNKNOWN),
    (1235, "No such stream.", UNKNOWN),
]


def read(status, body, positions=(0, 1), **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(
        Reply(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw), positions
    )


def good(id_):
    return {"To": "x@example.org", "MessageID": id_, "ErrorCode": 0, "Message": "OK"}


def bad(code, words="words"):
    return {"ErrorCode": code, "Message": words}


@pytest.mark.parametrize(("status", "code", "words", "outcome"), ERRORS)
def test_every_error_of_a_call_is_classified(status, code, words, outcome):
    answer = read(status, bad(code, words))
    assert (answer.outcome, answer.status) == (outcome, status)
    assert words in answer.reason


@pytest.mark.parametrize(("code", "words", "outcome"), ROWS)
def test_every_error_of_a_row_is_classified_beside_one_that_was_accepted(code, words, outcome):
    answer = read(200, [bad(code, words), good("b")], positions=(4, 7))
    assert answer.outcome is outcome
    if outcome is ACCEPTED:
        assert (answer.ids, answer.rejected) == ({7: "b"}, {4: f"ErrorCode {code}; {words}"})
    else:
        assert "1 of 2 were accepted" in answer.reason


@pytest.mark.parametrize(("code", "words", "beside"), ROWS)
def test_where_nobody_was_accepted_nothing_is_in_doubt(code, words, beside):
    answer = read(200, [bad(code, words), bad(406)])
    if beside is ACCEPTED:
        assert (answer.outcome, list(answer.rejected)) == (ACCEPTED, [0, 1])
    else:
        assert answer.outcome is (DEFERRED if code == 100 else MISCONFIGURED)


@pytest.mark.parametrize("code", [402, 403, 4711])
def test_a_fault_of_everybodys_mail_is_shown_to_a_person_and_rejects_nobody(code):
    answer = read(200, [bad(code), bad(code)])
    assert (answer.outcome, answer.rejected) == (MISCONFIGURED, {})
    assert read(200, [bad(code)], positions=(3,)).rejected == {3: f"ErrorCode {code}; words"}


def test_everybody_inactive_is_an_answer_about_everybody():
    answer = read(200, [bad(406), bad(406)])
    assert (answer.outcome, sorted(answer.rejected)) == (ACCEPTED, [0, 1])


def test_ids_belong_to_positions_in_order():
    assert read(200, [good("a"), good("b")], positions=(4, 7)).ids == {4: "a", 7: "b"}


def test_a_row_without_a_code_is_accepted_with_a_delay():
    row = {"MessageID": "a", "Message": "Message accepted, but delivery may be delayed."}
    assert read(200, [row], positions=(0,)).ids == {0: "a"}


def test_a_mail_that_will_not_be_delivered_is_no_success():
    words = "Message OK, but will not deliver to these inactive addresses: ann@example.org"
    answer = read(200, [{**good("a"), "Message": words}, good("b")])
    assert (answer.ids, list(answer.rejected)) == ({1: "b"}, [0])
    assert "ann@" not in answer.rejected[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'[{"ErrorCode":0,"MessageID":"a"},',
        b"[]",
        b"null",
        b"{}",
        json.dumps(bad(406)).encode(),
        json.dumps([good("a")]).encode(),
        json.dumps([good("a")] * 3).encode(),
        json.dumps([good("a"), "b"]).encode(),
        json.dumps([good("a"), good("")]).encode(),
        json.dumps([good("a"), good("00000000-0000-0000-0000-000000000000")]).encode(),
        json.dumps([good("a"), good(7)]).encode(),
        json.dumps([good("a"), bad("406")]).encode(),
        json.dumps([good("a"), {"ErrorCode": True}]).encode(),
        json.dumps([good("a"), {**good("b"), "ErrorCode": 406}]).encode(),
        json.dumps([good("a"), {}]).encode(),
    ],
)
def test_a_success_that_cannot_be_read_proves_nothing(body):
    answer = read(200, body)
    assert (answer.outcome, answer.ids, answer.rejected) == (UNKNOWN, {}, {})


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (301, MISCONFIGURED),
        (401, MISCONFIGURED),
        (403, MISCONFIGURED),
        (404, MISCONFIGURED),
        (408, UNKNOWN),
        (413, REFUSED),
        (422, REFUSED),
        (429, DEFERRED),
        (500, UNKNOWN),
        (502, UNKNOWN),
        (503, UNKNOWN),
        (504, UNKNOWN),
    ],
)
def test_a_page_of_the_network_is_judged_by_its_status(status, outcome):
    assert read(status, b"<html>error</html>").outcome is outcome


@pytest.mark.parametrize("body", [b'{"ErrorCode": "10"}', b'{"ErrorCode": null}', b'"text"', b"\xff\xfe"])
def test_an_error_of_another_shape_is_judged_by_its_status(body):
    assert read(422, body).outcome is REFUSED


def test_a_wait_is_taken_where_one_is_told():
    assert read(429, bad(429), retry_after="7").retry_after == timedelta(seconds=7)
    assert read(429, bad(429)).retry_after is None
