import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_cast import a_recipient

from newsletter.domain.provider import Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.mandrill_answers import read_answer

TWO = (a_recipient(4), a_recipient(7))
ERRORS = [
    ("Invalid_Key", "Invalid API key", Outcome.MISCONFIGURED),
    ("PaymentRequired", "Pay first", Outcome.MISCONFIGURED),
    ("Unknown_Subaccount", "No such subaccount", Outcome.MISCONFIGURED),
    ("ValidationError", "You must specify a key value", Outcome.MISCONFIGURED),
    ("ValidationError", 'Validation error: {"message":{"from_email":"no"}}', Outcome.MISCONFIGURED),
    ("ValidationError", 'Validation error: {"message":{"to":"Please enter an array"}}', Outcome.REFUSED),
    ("ServiceUnavailable", "Try later", Outcome.UNKNOWN),
    ("GeneralError", "An unexpected error occurred", Outcome.UNKNOWN),
]


def read(status, body, recipients=TWO):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(Reply(status, {}, raw), recipients)


def row(pos, status="sent", **values):
    return {"email": f"Reader{pos}@example.org", "status": status, "_id": f"id{pos}", **values}


@pytest.mark.parametrize(("name", "words", "outcome"), ERRORS)
@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_every_error_is_told_by_its_name_whatever_its_status(name, words, outcome, status):
    answer = read(status, {"status": "error", "code": -1, "name": name, "message": words})
    assert (answer.outcome, answer.status, answer.ids) == (outcome, status, {})
    assert name in answer.reason


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.UNKNOWN),
        (400, Outcome.REFUSED),
        (401, Outcome.MISCONFIGURED),
        (404, Outcome.MISCONFIGURED),
        (413, Outcome.REFUSED),
        (429, Outcome.DEFERRED),
        (500, Outcome.UNKNOWN),
        (502, Outcome.UNKNOWN),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b"", b'{"name":"Something_New","message":"x"}', b'"x"', b"{}"])
def test_what_has_no_name_that_we_know_is_judged_by_its_status(status, outcome, body):
    assert read(status, body).outcome is outcome


def test_rows_find_their_recipients_in_any_order():
    answer = read(200, [row(7), row(4, "queued", queued_reason="hourly-quota-exhausted")])
    assert (answer.outcome, answer.ids) == (Outcome.ACCEPTED, {4: "id4", 7: "id7"})


@pytest.mark.parametrize("cause", ["hard-bounce", "soft-bounce", "spam", "unsub", "custom", "invalid"])
def test_who_is_rejected_for_their_own_sake_is_rejected_alone(cause):
    answer = read(200, [row(4), row(7, "rejected", reject_reason=cause)])
    assert (answer.outcome, answer.ids) == (Outcome.ACCEPTED, {4: "id4"})
    assert answer.rejected == {7: f"rejected; {cause}"}


def test_an_invalid_address_is_rejected():
    assert read(200, [row(4), row(7, "invalid")]).rejected == {7: "the address is invalid"}


@pytest.mark.parametrize("cause", ["invalid-sender", "test-mode-limit", "unsigned", "rule", "tomorrow", None])
def test_what_would_reject_everybody_holds(cause):
    answer = read(200, [row(4, "rejected", reject_reason=cause)], TWO[:1])
    assert (answer.outcome, answer.rejected) == (Outcome.MISCONFIGURED, {})


@pytest.mark.parametrize(
    "rows", [[], [row(4)], [row(4), row(9)], [row(4), row(7, "strange")], [row(4), row(7, _id="")], [7, None]]
)
def test_a_recipient_without_a_row_makes_it_unknown(rows):
    assert read(200, rows).outcome is Outcome.UNKNOWN


rows = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "email": st.sampled_from(["reader4@example.org", "reader7@example.org", 7]),
            "status": st.sampled_from(["sent", "queued", "rejected", "invalid", None]),
            "_id": st.sampled_from(["a", "", None]),
            "reject_reason": st.sampled_from(["spam", "unsigned", ["x"]]),
        },
    ),
    max_size=3,
)


@settings(max_examples=150)
@given(st.sampled_from([200, 400, 500]), rows)
def test_no_reply_proves_more_than_it_says(status, told):
    answer = read(status, told)
    if answer.outcome is Outcome.ACCEPTED:
        assert {*answer.ids, *answer.rejected} == {4, 7}
        taken = {one["email"] for one in told if one.get("status") in ("sent", "queued")}
        assert {f"reader{pos}@example.org" for pos in answer.ids} <= taken
