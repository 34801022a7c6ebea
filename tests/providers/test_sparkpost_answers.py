import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.domain.provider import Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.sparkpost_answers import read_answer

DATE = "Tue, 01 Dec 2026 12:20:00 GMT"
ERRORS = [
    (400, "7001", "Invalid domain", Outcome.MISCONFIGURED),
    (400, "1500", "Unconfigured Sending Domain", Outcome.MISCONFIGURED),
    (400, "1501", "Unverified Sending Domain", Outcome.MISCONFIGURED),
    (400, "5001", "At least one valid recipient is required", Outcome.REFUSED),
    (400, "", "Unconfigured or unverified sending domain", Outcome.MISCONFIGURED),
    (401, "", "Unauthorized.", Outcome.MISCONFIGURED),
    (403, "", "Forbidden.", Outcome.MISCONFIGURED),
    (404, "", "Resource could not be found", Outcome.MISCONFIGURED),
    (413, "", "Request Entity Too Large", Outcome.REFUSED),
    (422, "1300", "invalid data format/type", Outcome.REFUSED),
    (422, "1400", "required field is missing", Outcome.REFUSED),
    (422, "1603", "a rule of tomorrow", Outcome.REFUSED),
    (422, "3000", "substitution language syntax error in template content", Outcome.MISCONFIGURED),
    (420, "2101", "Exceed Sending Limit (hourly)", Outcome.DEFERRED),
    (420, "2102", "Exceed Sending Limit (daily)", Outcome.DEFERRED),
    (420, "2102", "Exceed Sending Limit (monthly)", Outcome.MISCONFIGURED),
    (420, "", "Exceed Sending Limit (sandbox)", Outcome.DEFERRED),
    (429, "", "Too many requests", Outcome.DEFERRED),
    (500, "", "Internal Server Error", Outcome.UNKNOWN),
    (502, "", "Bad Gateway", Outcome.UNKNOWN),
    (503, "", "Service Unavailable", Outcome.UNKNOWN),
    (504, "", "Gateway Timeout", Outcome.UNKNOWN),
]


def read(status, body, positions=(0, 1), **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(
        Reply(status, {name.replace("_", "-"): v for name, v in headers.items()}, raw), positions
    )


def results(accepted, rejected, **values):
    counts = {"total_accepted_recipients": accepted, "total_rejected_recipients": rejected, "id": "116"}
    return {"results": {**counts, **values}}


@pytest.mark.parametrize(("status", "code", "words", "outcome"), ERRORS)
def test_every_refusal_is_classified(status, code, words, outcome):
    answer = read(status, {"errors": [{"message": words, **({"code": code} if code else {})}]})
    assert (answer.outcome, answer.status) == (outcome, status)
    assert words in answer.reason
    assert not answer.ids


def test_one_id_is_everybodys():
    answer = read(200, results(2, 0), positions=(4, 7))
    assert (answer.outcome, answer.ids) == (Outcome.ACCEPTED, {4: "116", 7: "116"})


@pytest.mark.parametrize(
    ("accepted", "rejected", "outcome"),
    [(1, 1, Outcome.UNKNOWN), (0, 2, Outcome.REFUSED), (3, 0, Outcome.UNKNOWN), (1, 0, Outcome.UNKNOWN)],
)
def test_a_success_that_hides_refusals_counts_for_nobody(accepted, rejected, outcome):
    errors = [{"message": "invalid address", "description": "bob@example.org", "code": "1902"}]
    answer = read(200, results(accepted, rejected, rcpt_to_errors=errors))
    assert (answer.outcome, answer.ids, answer.rejected) == (outcome, {}, {})
    assert "bob@" not in answer.reason


@pytest.mark.parametrize(
    ("words", "date", "wait"),
    [
        ("Exceed Sending Limit (hourly)", DATE, timedelta(minutes=40)),
        ("Exceed Sending Limit (hourly)", "", timedelta(hours=1)),
        ("Exceed Sending Limit (daily)", DATE, timedelta(hours=11, minutes=40)),
        ("Exceed Sending Limit (daily)", "", timedelta(hours=24)),
    ],
)
def test_a_used_up_hour_or_day_is_waited_for(words, date, wait):
    assert read(420, {"errors": [{"message": words}]}, date=date).retry_after == wait
    assert read(420, {"errors": [{"message": words}]}, retry_after="7").retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"results":{"id"',
        b"[]",
        b"null",
        b"{}",
        b'{"results":[]}',
        b'{"results":{"id":"1"}}',
        json.dumps(results(2, 0, id="")).encode(),
        json.dumps(results(2, 0, id=7)).encode(),
        json.dumps(results("2", 0)).encode(),
        json.dumps(results(1.0, 1)).encode(),
        json.dumps(results(3, -1)).encode(),
        b"<html>fine</html>",
        b"\xff\xfe",
    ],
)
def test_a_success_that_cannot_be_read_proves_nothing(body):
    assert read(200, body).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"errors":{}}', b'{"errors":[7]}'])
@pytest.mark.parametrize(("status", "outcome"), [(401, Outcome.MISCONFIGURED), (502, Outcome.UNKNOWN)])
def test_a_page_of_the_network_is_judged_by_its_status(status, outcome, body):
    answer = read(status, body)
    assert (answer.outcome, answer.reason) == (outcome, f"HTTP {status}")


counts = st.sampled_from([0, 1, 2, 3, -1, None, "2", True])
told = st.fixed_dictionaries(
    {},
    optional={
        "total_accepted_recipients": counts,
        "total_rejected_recipients": counts,
        "id": st.sampled_from(["116", "", None, 7, "a\x00b"]),
        "rcpt_to_errors": st.sampled_from([None, [], [7], {}, [{"message": "x"}]]),
    },
)


@settings(max_examples=150)
@given(st.sampled_from([200, 202, 400, 420, 422, 500]), told | st.none())
def test_no_reply_proves_more_than_it_says(status, inside):
    answer = read(status, {"results": inside})
    if answer.outcome is Outcome.ACCEPTED:
        assert status < 300
        assert (inside["total_accepted_recipients"], inside["total_rejected_recipients"]) == (2, 0)
        assert set(answer.ids) == {0, 1}
        assert all(one.isprintable() for one in answer.ids.values())
    else:
        assert not answer.ids
