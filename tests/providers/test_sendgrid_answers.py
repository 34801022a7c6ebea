import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.domain.provider import Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.sendgrid_answers import read_answer

REFUSED, DEFERRED, UNKNOWN = Outcome.REFUSED, Outcome.DEFERRED, Outcome.UNKNOWN
ACCEPTED, MISCONFIGURED = Outcome.ACCEPTED, Outcome.MISCONFIGURED
DATE = "Tue, 01 Dec 2026 09:00:00 GMT"
RESET = 1_796_115_600
#: The status, the field, what is said, and what it proves of a call to three.
ERRORS = [
    (400, "personalizations.1.to.0.email", "Does not contain a valid address.", REFUSED),
    (400, "personalizations[1].to[0].email", "Does not contain a valid address.", REFUSED),
    (400, "personalizations.2.substitutions", "Too large.", REFUSED),
    (400, "personalizations", "Each unique email address should only be included once.", REFUSED),
    (400, None, "Bad Request", REFUSED),
    (400, "a field of tomorrow", "words", REFUSED),
    (400, "from.email", "The from email must be a valid address.", MISCONFIGURED),
    (400, "reply_to.email", "The reply_to email must be a valid address.", MISCONFIGURED),
    (400, "subject", "The subject is required.", MISCONFIGURED),
    (400, "content.0.value", "The content value must be a string.", MISCONFIGURED),
    (400, "categories", "At most 10.", MISCONFIGURED),
    (401, None, "The provided authorization grant is invalid, expired, or revoked", MISCONFIGURED),
    (401, None, "Maximum credits exceeded", DEFERRED),
    (403, "from", "The from address does not match a verified Sender Identity.", MISCONFIGURED),
    (403, None, "access forbidden", MISCONFIGURED),
    (403, None, "Maximum credits exceeded", MISCONFIGURED),
    (404, None, "not found", MISCONFIGURED),
    (405, None, "method not allowed", MISCONFIGURED),
    (406, None, "Missing Accept header.", MISCONFIGURED),
    (413, None, "The JSON payload is too large.", REFUSED),
    (415, None, "Content-Type should be application/json.", MISCONFIGURED),
    (429, None, "too many requests", DEFERRED),
    (500, None, "Internal Server Error", UNKNOWN),
    (502, None, "Bad gateway", UNKNOWN),
    (503, None, "Service unavailable", UNKNOWN),
    (504, None, "Gateway timeout", UNKNOWN),
]


def read(status, said=None, positions=(3, 5, 8), **headers):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return read_answer(Reply(status, {n.replace("_", "-"): v for n, v in headers.items()}, body), positions)


def errors(*pairs):
    return {"errors": [{"field": field, "message": words, "help": None} for field, words in pairs]}


@pytest.mark.parametrize(("status", "field", "words", "outcome"), ERRORS)
def test_every_row_of_the_table_proves_what_it_says(status, field, words, outcome):
    answer = read(status, errors((field, words)))
    assert answer.outcome is outcome
    assert answer.reason == f"HTTP {status}: {f'{field}; ' if field else ''}{words}"
    assert (answer.ids, answer.rejected) == ({}, {})


def test_one_id_is_for_everybody_and_the_body_is_empty():
    answer = read(202, b"", x_message_id="14c5d75ce93")
    assert (answer.outcome, answer.ids) == (ACCEPTED, dict.fromkeys((3, 5, 8), "14c5d75ce93"))


@pytest.mark.parametrize(
    ("status", "headers"), [(202, {}), (202, {"x_message_id": " "}), (200, {"x_message_id": "a"}), (204, {})]
)
def test_a_success_without_an_id_or_of_another_kind_proves_nothing(status, headers):
    """A call in sandbox mode is answered 200, and one that went through somebody else can be anything."""
    assert read(status, b"", **headers).outcome is UNKNOWN


def test_where_everybody_is_named_a_person_looks_at_it():
    said = errors(*((f"personalizations.{number}.to.0.email", "no") for number in range(3)))
    assert read(400, said).outcome is MISCONFIGURED
    assert read(400, said, positions=range(4)).outcome is REFUSED
    assert read(400, errors(("personalizations.0.to.0.email", "no")), positions=[7]).outcome is REFUSED


def test_a_recipient_and_the_sender_at_fault_are_looked_for_one_after_the_other():
    said = errors(("from.email", "no"), ("personalizations.0.to.0.email", "no"))
    assert read(400, said).outcome is REFUSED


def test_used_up_credits_are_asked_for_again_in_an_hour():
    assert read(401, errors((None, "Maximum credits exceeded"))).retry_after == timedelta(hours=1)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry_after": "7"}, timedelta(seconds=7)),
        ({"x_ratelimit_reset": str(RESET + 20), "date": DATE}, timedelta(seconds=20)),
        ({"x_ratelimit_reset": str(RESET + 20), "date": DATE, "retry_after": "7"}, timedelta(seconds=7)),
        ({"x_ratelimit_reset": str(RESET + 20)}, None),
        ({"x_ratelimit_reset": str(RESET - 20), "date": DATE}, None),
        ({"x_ratelimit_reset": "20", "date": DATE}, None),
        ({"x_ratelimit_reset": "9" * 12, "date": DATE}, None),
        ({"x_ratelimit_reset": "soon", "date": DATE}, None),
    ],
)
def test_a_limit_is_waited_for_where_its_end_can_be_believed(headers, wait):
    answer = read(429, errors((None, "too many requests")), **headers)
    assert (answer.outcome, answer.retry_after) == (DEFERRED, wait)


def test_an_address_in_the_words_is_not_repeated():
    assert "ann@" not in read(400, errors((None, "ann@example.org is bad"))).reason


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(["from", "personalizations.0.to", "personalizations.99999.to", "content"]) | values
one_error = st.fixed_dictionaries({}, optional={"field": fields, "message": values}) | values
bodies = (
    st.binary(max_size=40)
    | st.builds(lambda rows: json.dumps({"errors": rows}).encode(), st.lists(one_error, max_size=4) | values)
    | values.map(lambda value: json.dumps(value).encode())
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "x-message-id": st.text(max_size=9),
        "x-ratelimit-reset": st.text(max_size=9) | st.just("9" * 12),
        "date": st.sampled_from([DATE, "Fri, 31 Dec 9999 23:59:59 GMT", "x"]),
    },
)


@settings(max_examples=200)
@given(
    st.sampled_from([200, 202, 202, 400, 400, 401, 403, 429, 500]) | st.integers(100, 599), headers, bodies
)
def test_no_reply_proves_more_than_it_says(status, headers, body):
    answer = read_answer(Reply(status, headers, body), (3, 5, 8))
    assert not answer.rejected
    assert answer.reason == " ".join(answer.reason.split())
    assert bool(answer.ids) is (answer.outcome is ACCEPTED)
    if answer.outcome is ACCEPTED:
        assert (status, sorted(answer.ids)) == (202, [3, 5, 8])
        assert all(answer.ids.values())
