import json

import pytest

from newsletter.domain.provider import Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.mailjet_answers import read_answer

ACCEPTED, REFUSED, DEFERRED = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.DEFERRED
UNKNOWN, MISCONFIGURED = Outcome.UNKNOWN, Outcome.MISCONFIGURED
#: Of a row: the StatusCode, the ErrorCode, what it is about; and what it makes of a call beside a success.
ROWS = [
    (400, "mj-0013", ["To[0].Email"], ACCEPTED),
    (400, "mj-0013", [], ACCEPTED),
    (400, "mj-0013", ["From.Email"], UNKNOWN),
    (400, "mj-0013", ["ReplyTo.Email"], UNKNOWN),
    (400, "mj-0002", ["Unknown"], ACCEPTED),
    (400, "mj-0003", ["To"], ACCEPTED),
    (400, "mj-0004", ["Subject"], ACCEPTED),
    (400, "mj-0015", [], ACCEPTED),
    (400, "send-0011", ["Headers.List-Id"], ACCEPTED),
    (413, "mj-9999", [], ACCEPTED),
    (401, "mj-9999", [], UNKNOWN),
    (403, "send-0008", ["From"], UNKNOWN),
    (429, "mj-9999", [], UNKNOWN),
    (500, "mj-9999", [], UNKNOWN),
    (None, "mj-9999", None, ACCEPTED),
]
ERRORS = [
    (400, "mj-0001", REFUSED),
    (401, "", MISCONFIGURED),
    (403, "", MISCONFIGURED),
    (404, "", MISCONFIGURED),
    (413, "", REFUSED),
    (429, "", DEFERRED),
    (500, "", UNKNOWN),
    (502, "", UNKNOWN),
]
#: Where nobody at all was taken.
ALONE = {401: MISCONFIGURED, 403: MISCONFIGURED, 429: DEFERRED, 500: UNKNOWN}


def read(status, body, positions=(0, 1)):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(Reply(status, {}, raw), positions)


def good(id_, **values):
    return {
        "Status": "success",
        "CustomID": "",
        "To": [{"Email": "x@example.org", "MessageID": id_}],
        **values,
    }


def bad(status=400, code="mj-0004", about=(), words="words"):
    error = {"ErrorCode": code, "StatusCode": status, "ErrorMessage": words, "ErrorRelatedTo": about}
    return {"Status": "error", "Errors": [error]}


@pytest.mark.parametrize(("row_status", "code", "about", "outcome"), ROWS)
def test_every_error_of_a_row_is_classified_beside_one_that_was_accepted(row_status, code, about, outcome):
    answer = read(row_status or 400, {"Messages": [bad(row_status, code, about), good(7)]}, positions=(4, 7))
    if row_status == 500:
        # The network may have cut what the service said.
        assert answer.outcome is UNKNOWN
    elif outcome is ACCEPTED:
        assert (answer.outcome, answer.ids) == (ACCEPTED, {7: "7"})
        assert answer.rejected == {4: f"{code}; words"}
    else:
        # Whoever was named is taken all the same.
        assert (answer.outcome, answer.ids) == (UNKNOWN, {7: "7"})
        assert "1 of 2 were accepted" in answer.reason


@pytest.mark.parametrize(("row_status", "code", "about", "beside"), ROWS)
def test_where_nobody_was_accepted_nothing_is_in_doubt(row_status, code, about, beside):
    answer = read(400, {"Messages": [bad(row_status, code, about), bad(400, "mj-0013", ["To[0].Email"])]})
    if beside is ACCEPTED:
        assert (answer.outcome, list(answer.rejected)) == (ACCEPTED, [0, 1])
    else:
        assert answer.outcome is ALONE.get(row_status, MISCONFIGURED)


def test_a_fault_of_everybodys_mail_is_shown_to_a_person_and_rejects_nobody():
    answer = read(400, {"Messages": [bad(), bad()]})
    assert (answer.outcome, answer.rejected) == (MISCONFIGURED, {})
    assert read(400, {"Messages": [bad()]}, positions=(3,)).rejected == {3: "mj-0004; words"}


def test_of_several_errors_the_one_that_is_not_the_recipients_counts():
    errors = bad(400, "mj-0013", ["To[0].Email"])["Errors"] + bad(403, "send-0008")["Errors"]
    answer = read(400, {"Messages": [{"Status": "error", "Errors": errors}]}, positions=(0,))
    assert answer.outcome is MISCONFIGURED
    assert "send-0008" in answer.reason


@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_the_rows_count_and_not_the_status_of_the_call(status):
    answer = read(status, {"Messages": [good(1), good(2)]}, positions=(4, 7))
    assert (answer.outcome, answer.ids) == (ACCEPTED, {4: "1", 7: "2"})


def test_an_id_of_64_bits_is_kept_to_the_last_digit():
    assert read(200, {"Messages": [good(1152921504606846977)]}, positions=(0,)).ids == {
        0: "1152921504606846977"
    }


@pytest.mark.parametrize("id_", [0, 1.5, "7", None, True, -1])
def test_a_success_without_an_id_is_one_all_the_same(id_):
    answer = read(200, {"Messages": [good(id_)]}, positions=(0,))
    assert (answer.outcome, answer.ids) == (ACCEPTED, {})


@pytest.mark.parametrize(("status", "code", "outcome"), ERRORS)
def test_an_error_of_the_whole_call_means_that_nothing_was_sent(status, code, outcome):
    answer = read(status, {"ErrorCode": code, "ErrorMessage": "words", "StatusCode": status})
    assert (answer.outcome, answer.rejected) == (outcome, {})
    assert "words" in answer.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"Messages":[{"Status":"success"},',
        b"[]",
        b"null",
        b"{}",
        b'{"Messages":[]}',
        b'{"Messages":{}}',
        json.dumps({"Messages": [good(1)]}).encode(),
        json.dumps({"Messages": [good(1)] * 3}).encode(),
        json.dumps({"Messages": [good(1), "x"]}).encode(),
        json.dumps({"Messages": [good(1), {"Status": "queued"}]}).encode(),
        json.dumps({"Messages": [good(1), {"Status": "error", "Errors": []}]}).encode(),
    ],
)
def test_a_success_that_cannot_be_read_proves_nothing(body):
    answer = read(200, body)
    assert (answer.outcome, answer.ids, answer.rejected) == (UNKNOWN, {}, {})


@pytest.mark.parametrize(("status", "code", "outcome"), ERRORS)
def test_a_page_of_the_network_is_judged_by_its_status(status, code, outcome):
    assert read(status, b"<html>error</html>").outcome is outcome
