"""Answers that nobody wrote down: none proves more than it says."""

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from rubbish_cast import ACCEPTED, POSITIONS, UNKNOWN, is_plain

from newsletter.domain.provider import Outcome
from newsletter.providers import (
    brevo_answers,
    mailgun,
    mailjet_answers,
    postmark_answers,
    resend,
    ses_answers,
)
from newsletter.providers.answers import Reply

keys = st.sampled_from(("data", "errors", "id", "index", "message", "name", "error"))
names = st.sampled_from(["rate_limit_exceeded", "daily_quota_exceeded", "invalid_idempotent_request"])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
shaped = st.fixed_dictionaries(
    {},
    optional={
        "data": values | st.lists(st.fixed_dictionaries({"id": st.text(max_size=5)}), max_size=5),
        "errors": values | st.lists(st.fixed_dictionaries({"index": st.integers(-1, 4)}), max_size=5),
        "id": values,
        "name": names | values,
        "message": values,
    },
)
bodies = st.binary(max_size=60) | (values | shaped).map(lambda value: json.dumps(value).encode())
waits = st.sampled_from(["7", "-1", "9" * 99, "Tue, 01 Dec 2026 12:00:00 GMT"]) | st.text(max_size=20)
replies = st.builds(
    Reply,
    st.integers(100, 599) | st.sampled_from([200, 200, 202, 409, 422, 429, 500]),
    st.fixed_dictionaries({}, optional={"retry-after": waits, "date": waits}),
    bodies,
)


@settings(max_examples=200)
@given(replies)
def test_no_reply_of_resend_proves_more_than_it_says(reply):
    answer = resend.read_answer(reply, POSITIONS)
    assert is_plain(answer)
    assert answer.status == reply.status
    if answer.outcome is not ACCEPTED:
        assert not answer.ids
        return
    assert reply.is_success
    said = json.loads(reply.body)
    rejected = {error["index"] for error in said.get("errors") or []}
    assert set(answer.rejected) == rejected
    assert said.get("data") or rejected
    if answer.ids:
        assert list(answer.ids.values()) == [row["id"] for row in said["data"]]
        assert set(answer.ids) == set(POSITIONS) - rejected


@settings(max_examples=200)
@given(replies)
def test_no_reply_of_mailgun_proves_more_than_it_says(reply):
    answer = mailgun.read_answer(reply, POSITIONS)
    assert is_plain(answer)
    assert answer.status == reply.status
    if answer.outcome is ACCEPTED:
        assert reply.is_success
        assert set(answer.ids) == set(POSITIONS)
        assert all(id_ and id_ in json.loads(reply.body)["id"] for id_ in answer.ids.values())
    else:
        assert not answer.ids


rows = st.fixed_dictionaries(
    {},
    optional={
        "ErrorCode": st.sampled_from([0, 0, 0, 100, 300, 405, 406]) | values,
        "MessageID": st.text(max_size=5) | values,
        "Message": values,
    },
)
row_bodies = st.lists(rows | values, max_size=4).map(lambda value: json.dumps(value).encode())


@settings(max_examples=200)
@given(replies | st.builds(Reply, st.sampled_from([200, 422]), st.just({}), row_bodies))
def test_no_reply_of_postmark_proves_more_than_it_says(reply):
    answer = postmark_answers.read_answer(reply, POSITIONS)
    assert is_plain(answer)
    assert answer.status == reply.status
    if answer.outcome is not ACCEPTED:
        assert not answer.rejected
    if answer.outcome not in (ACCEPTED, UNKNOWN):
        assert not answer.ids
    told = json.loads(reply.body) if answer.ids else []
    if answer.outcome is ACCEPTED:
        assert reply.is_success
        assert {*answer.ids, *answer.rejected} == set(POSITIONS)
    for position, id_ in answer.ids.items():
        assert not told[position].get("ErrorCode")
        assert id_


entry_results = st.fixed_dictionaries(
    {},
    optional={
        "Status": st.sampled_from(["SUCCESS", "FAILED", "ACCOUNT_THROTTLED", "ACCOUNT_SUSPENDED"]) | values,
        "MessageId": st.text(max_size=5) | values,
        "Error": values,
    },
)
amazon_bodies = st.lists(entry_results, max_size=4).map(
    lambda rows: json.dumps({"BulkEmailEntryResults": rows}).encode()
)


@settings(max_examples=200)
@given(replies, st.none() | amazon_bodies)
def test_no_reply_of_amazon_proves_more_than_it_says(reply, body):
    answer = ses_answers.read_answer(reply if body is None else replace(reply, body=body), POSITIONS)
    assert is_plain(answer)
    assert answer.status == reply.status
    if answer.outcome not in (ACCEPTED, UNKNOWN):
        assert not answer.ids
    if answer.outcome is ACCEPTED:
        rows = json.loads(body)["BulkEmailEntryResults"]
        taken = {pos for pos, row in enumerate(rows) if row["Status"].strip().upper() == "SUCCESS"}
        assert reply.is_success
        assert set(answer.rejected) == set(POSITIONS) - taken
        assert set(answer.ids) <= taken


brevo_bodies = st.fixed_dictionaries(
    {},
    optional={
        "messageIds": st.lists(st.sampled_from(["<a@x>", "<b@x>"]) | values, max_size=4) | values,
        "messageId": values,
        "code": st.sampled_from(["duplicate_parameter", "invalid_parameter", "unauthorized"]) | values,
        "message": values,
    },
).map(lambda value: json.dumps(value).encode())


@settings(max_examples=200)
@given(replies, st.none() | brevo_bodies)
def test_no_reply_of_brevo_proves_more_than_it_says(reply, body):
    reply = reply if body is None else replace(reply, body=body)
    answer = brevo_answers.read_answer(reply, POSITIONS)
    assert is_plain(answer)
    assert not answer.rejected
    assert answer.ids.keys() in (set(), set(POSITIONS))
    if answer.outcome is ACCEPTED:
        assert reply.is_success
    if answer.outcome is Outcome.REPEATED:
        assert 400 <= reply.status < 500
        assert json.loads(reply.body)["code"].strip() == "duplicate_parameter"


mailjet_rows = st.fixed_dictionaries(
    {},
    optional={
        "Status": st.sampled_from(["success", "success", "error"]) | values,
        "To": st.lists(st.fixed_dictionaries({"MessageID": st.integers(1, 2**63)}), max_size=2) | values,
        "Errors": st.lists(
            st.fixed_dictionaries({}, optional={"StatusCode": st.sampled_from([400, 403, 500]) | values}),
            max_size=2,
        ),
    },
)
mailjet_bodies = st.lists(mailjet_rows | values, max_size=4).map(
    lambda found: json.dumps({"Messages": found}).encode()
)


@settings(max_examples=200)
@given(replies, st.none() | mailjet_bodies)
def test_no_reply_of_mailjet_proves_more_than_it_says(reply, body):
    reply = reply if body is None else replace(reply, body=body)
    answer = mailjet_answers.read_answer(reply, POSITIONS)
    assert is_plain(answer)
    if answer.outcome not in (ACCEPTED, UNKNOWN):
        assert not answer.ids
    if answer.outcome is not ACCEPTED:
        assert not answer.rejected
        return
    told = json.loads(reply.body)["Messages"]
    taken = {pos for pos, row in enumerate(told) if row["Status"] == "success"}
    assert set(answer.rejected) == set(POSITIONS) - taken
    assert set(answer.ids) <= taken
