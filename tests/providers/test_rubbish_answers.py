"""Whatever comes back from a provider, it is classified, proves no more than it says, and tells no secret."""

import pytest
from rubbish_cast import (
    ACCEPTED,
    DEFERRED,
    IDS,
    MISCONFIGURED,
    NETWORK,
    NEVER,
    NO_YEAR,
    REFUSED,
    SECRET,
    UNKNOWN,
    answering,
    call,
    is_plain,
    said,
)

from newsletter.domain.provider import Outcome
from newsletter.providers import brevo, mailgun, mailjet, postmark, resend, sendgrid, ses
from newsletter.providers.answers import Reply
from newsletter.providers.settings import Secret
from newsletter.providers.sigv4 import Credentials
from newsletter.testing.fake_brevo import FakeBrevo
from newsletter.testing.fake_http import Response
from newsletter.testing.fake_mailgun import FakeMailgun
from newsletter.testing.fake_mailjet import FakeMailjet
from newsletter.testing.fake_postmark import FakePostmark
from newsletter.testing.fake_resend import FakeResend
from newsletter.testing.fake_sendgrid import FakeSendGrid
from newsletter.testing.fake_ses import FakeSes

RESEND = {
    "cut in the middle": (Response(200, b'{"data":[{"id":"a"},{"id"'), UNKNOWN),
    "an error inside": (said(200, {"statusCode": 422, "name": "validation_error", "message": "no"}), UNKNOWN),
    "an error beside no data": (said(200, {"data": [], "error": {"message": "no"}}), UNKNOWN),
    "data is text": (said(200, {"data": "a"}), UNKNOWN),
    "data is a number": (said(200, {"data": 3}), UNKNOWN),
    "data is an object": (said(200, {"data": {"id": "a"}}), UNKNOWN),
    "data is null": (said(200, {"data": None}), UNKNOWN),
    "no data": (said(200, {"object": "list"}), UNKNOWN),
    "no ids at all": (said(200, {"data": []}), UNKNOWN),
    "a list": (said(200, IDS), UNKNOWN),
    "ids missing": (said(200, {"data": IDS[:1]}), ACCEPTED),
    "too many ids": (said(200, {"data": IDS * 50}), ACCEPTED),
    "ids of another type": (said(200, {"data": [{"id": 1}, {"id": {}}, {"id": []}]}), ACCEPTED),
    "one id for all": (said(200, {"data": [{"id": "a"}] * 3}), ACCEPTED),
    "a null id": (said(200, {"data": [{"id": None}, *IDS[1:]]}), ACCEPTED),
    "errors is text": (said(200, {"data": IDS, "errors": "none"}), UNKNOWN),
    "an error of nobody": (said(200, {"data": IDS, "errors": [{"index": 3, "message": "x"}]}), UNKNOWN),
    "an error before everybody": (said(200, {"data": IDS, "errors": [{"index": -1}]}), UNKNOWN),
    "an error of a fraction": (said(200, {"data": IDS, "errors": [{"index": 0.0}]}), UNKNOWN),
    "an error of a huge number": (said(200, {"data": IDS, "errors": [{"index": 2**63}]}), UNKNOWN),
    "an error without words": (said(200, {"data": IDS[1:], "errors": [{"index": 0}]}), ACCEPTED),
    "the same error twice": (said(200, {"data": IDS[1:], "errors": [{"index": 0}] * 2}), ACCEPTED),
    "a quota until never": (
        said(429, {"name": "daily_quota_exceeded"}, Date=NEVER),
        DEFERRED,
    ),
}
MAILGUN = {
    "cut in the middle": (Response(200, b'{"id":"<a@b'), UNKNOWN),
    "an error inside": (said(200, {"message": "'to' parameter is not a valid address"}), UNKNOWN),
    "an id of another type": (said(200, {"id": ["<a@b>"]}), UNKNOWN),
    "an id of nothing": (said(200, {"id": " <> "}), UNKNOWN),
    "a null id": (said(200, {"id": None, "message": "Queued. Thank you."}), UNKNOWN),
    "a list": (said(200, [{"id": "<a@b>"}]), UNKNOWN),
    "another path": (Response(200, b"Mailgun Magnificent API"), MISCONFIGURED),
    "plain words": (Response(401, b"Forbidden"), MISCONFIGURED),
    "a wait without end": (said(429, {"message": f"try again after {'9' * 40}s"}), DEFERRED),
    "a wait until never": (said(429, {"message": "try again after 9999-12-31T23:59:59-23:59"}), DEFERRED),
    "a date of no year": (said(429, {"message": f"try again after {NO_YEAR}"}), DEFERRED),
    "the key echoed": (said(400, {"message": f"{SECRET} is not valid"}), REFUSED),
}  # fmt: skip

TAKEN = [{"ErrorCode": 0, "MessageID": id_, "Message": "OK"} for id_ in "abc"]
POSTMARK = {
    "cut in the middle": (Response(200, b'[{"ErrorCode":0,"MessageID":"a"},{"Err'), UNKNOWN),
    "an error inside": (said(200, {"ErrorCode": 422, "Message": "no"}), UNKNOWN),
    "an object": (said(200, TAKEN[0]), UNKNOWN),
    "no rows": (said(200, []), UNKNOWN),
    "rows missing": (said(200, TAKEN[:1]), UNKNOWN),
    "too many rows": (said(200, TAKEN * 50), UNKNOWN),
    "a row of another type": (said(200, [*TAKEN[1:], "a"]), UNKNOWN),
    "ids of another type": (said(200, [{**row, "MessageID": [1]} for row in TAKEN]), UNKNOWN),
    "a null id": (said(200, [*TAKEN[1:], {**TAKEN[0], "MessageID": None}]), UNKNOWN),
    "a code of text": (said(200, [*TAKEN[1:], {"ErrorCode": "406"}]), UNKNOWN),
    "a code of a fraction": (said(200, [*TAKEN[1:], {"ErrorCode": 406.0}]), UNKNOWN),
    "a code of a huge number": (said(200, [*TAKEN[1:], {"ErrorCode": 2**70}]), UNKNOWN),
    "an error without words": (said(200, [*TAKEN[1:], {"ErrorCode": 406}]), ACCEPTED),
    "words of no kind": (said(200, [*TAKEN[1:], {"ErrorCode": 406, "Message": ["x"]}]), ACCEPTED),
    "one id for all": (said(200, [TAKEN[0]] * 3), ACCEPTED),
    "the token echoed": (said(422, {"ErrorCode": 403, "Message": f"{SECRET} is wrong"}), REFUSED),
    "the token in a row": (said(200, [*TAKEN[1:], {"ErrorCode": 406, "Message": SECRET}]), ACCEPTED),
}  # fmt: skip
SENDGRID = {
    "another success": (Response(200, b"", {"X-Message-Id": "a"}), UNKNOWN),
    "an error inside": (said(202, {"errors": [{"message": "no"}]}), UNKNOWN),
    "an id of nothing": (Response(202, b"", {"X-Message-Id": " <> "}), UNKNOWN),
    "an id in the body": (said(202, {"id": "a"}), UNKNOWN),
    "errors is text": (said(400, {"errors": "none"}), REFUSED),
    "an error of another type": (said(400, {"errors": [7, None, []]}), REFUSED),
    "a field of another type": (said(400, {"errors": [{"field": ["x"], "message": {}}]}), REFUSED),
    "an error of nobody": (said(400, {"errors": [{"field": "personalizations.9.to"}]}), REFUSED),
    "a limit until never": (Response(429, b"", {"X-RateLimit-Reset": "9" * 40}), DEFERRED),
    "a limit of no kind": (Response(429, b"", {"X-RateLimit-Reset": "-1"}), DEFERRED),
    "the key echoed": (said(400, {"errors": [{"message": f"{SECRET} is wrong"}]}), REFUSED),
}  # fmt: skip
GONE_OUT = [{"Status": "SUCCESS", "MessageId": id_} for id_ in "abc"]


def entries(*rows):
    return said(200, {"BulkEmailEntryResults": list(rows)})


SES = {
    "cut in the middle": (Response(200, b'{"BulkEmailEntryResults":[{"Status":"SUCC'), UNKNOWN),
    "an error inside": (said(200, {"__type": "MessageRejected", "message": "no"}), UNKNOWN),
    "one id for a call": (said(200, {"MessageId": "a"}), UNKNOWN),
    "results as text": (said(200, {"BulkEmailEntryResults": "SUCCESS"}), UNKNOWN),
    "no results": (entries(), UNKNOWN),
    "results missing": (entries(*GONE_OUT[:1]), UNKNOWN),
    "too many results": (entries(*GONE_OUT * 50), UNKNOWN),
    "a result of another type": (entries(*GONE_OUT[1:], "SUCCESS"), UNKNOWN),
    "a status of another type": (entries(*GONE_OUT[1:], {"Status": True}), UNKNOWN),
    "ids of another type": (entries(*({**row, "MessageId": [1]} for row in GONE_OUT)), ACCEPTED),
    "a null id": (entries(*GONE_OUT[1:], {**GONE_OUT[0], "MessageId": None}), ACCEPTED),
    "one id for all": (entries(*[GONE_OUT[0]] * 3), ACCEPTED),
    "a status of tomorrow": (entries(*GONE_OUT[1:], {"Status": "x" * 900}), ACCEPTED),
    "an error without words": (entries(*GONE_OUT[1:], {"Status": "MESSAGE_REJECTED"}), ACCEPTED),
    "words of no kind": (entries(*GONE_OUT[1:], {"Status": "FAILED", "Error": ["x"]}), ACCEPTED),
    "the key in a result": (entries(*GONE_OUT[1:], {"Status": "FAILED", "Error": SECRET}), ACCEPTED),
    "the key in the type": (said(403, {"__type": SECRET, "message": "x"}), MISCONFIGURED),
    "a type of no kind": (said(400, {"__type": ["x"], "code": 7}), REFUSED),
}  # fmt: skip

BREVO = {
    "cut in the middle": (Response(201, b'{"messageIds":["<a@x>","<b'), UNKNOWN),
    "an error inside": (said(201, {"code": "unauthorized", "message": "no"}), UNKNOWN),
    "ids of another type": (said(201, {"messageIds": [1, 2, 3]}), UNKNOWN),
    "too many ids": (said(201, {"messageIds": ["a"] * 50}), ACCEPTED),
    "a code of another type": (said(400, {"code": ["duplicate_parameter"]}), REFUSED),
    "words of no kind": (said(400, {"code": "duplicate_parameter", "message": ["x"]}), Outcome.REPEATED),
    "a wait without end": (said(429, {"code": "x"}, x_sib_ratelimit_reset="9" * 40), DEFERRED),
    "the key echoed": (said(400, {"code": "invalid_parameter", "message": SECRET}), REFUSED),
}  # fmt: skip
SENT = [{"Status": "success", "To": [{"MessageID": number}]} for number in (1, 2, 3)]


def beside(error):
    """Answer that one mail failed and the others went."""
    return said(400, {"Messages": [*SENT[1:], {"Status": "error", "Errors": [error]}]})


MAILJET = {
    "cut in the middle": (Response(200, b'{"Messages":[{"Status":"succ'), UNKNOWN),
    "an error inside": (said(200, {"ErrorMessage": "no", "StatusCode": 400}), UNKNOWN),
    "rows missing": (said(200, {"Messages": SENT[:1]}), UNKNOWN),
    "a row of another type": (said(200, {"Messages": [*SENT[1:], "success"]}), UNKNOWN),
    "ids of another type": (said(200, {"Messages": [{**row, "To": ["a"]} for row in SENT]}), ACCEPTED),
    "an error without words": (beside({}), ACCEPTED),
    "an error of no kind": (beside(7), ACCEPTED),
    "the key echoed": (said(400, {"ErrorMessage": SECRET}), REFUSED),
    "the key in a row": (beside({"ErrorMessage": SECRET}), ACCEPTED),
}


def french(url, key, patience):
    return mailjet.Mailjet(url, Secret("public"), key, patience)


def amazon(url, key, patience):
    return ses.Ses(url, ses.Place("eu-west-1"), lambda: Credentials(Secret("AKIDEXAMPLE"), key), patience)


PROVIDERS = {
    "amazon": (amazon, FakeSes, SES),
    "brevo": (brevo.Brevo, FakeBrevo, BREVO),
    "mailgun": (mailgun.Mailgun, FakeMailgun, MAILGUN),
    "mailjet": (french, FakeMailjet, MAILJET),
    "postmark": (postmark.Postmark, FakePostmark, POSTMARK),
    "resend": (resend.Resend, FakeResend, RESEND),
    "sendgrid": (sendgrid.SendGrid, FakeSendGrid, SENDGRID),
}


def cases():
    return [
        pytest.param(adapter, fake, *case, id=f"{name}: {what}")
        for name, (adapter, fake, own) in PROVIDERS.items()
        for what, case in (NETWORK | own).items()
    ]


@pytest.mark.parametrize(("adapter", "fake", "case", "outcome"), cases())
def test_a_provider_may_answer_anything(adapter, fake, case, outcome):
    with answering(case, fake) as url:
        answer = call(adapter, url)
    assert answer.outcome is outcome
    assert is_plain(answer)


@pytest.mark.parametrize("read_answer", [resend.read_answer, mailgun.read_answer])
def test_an_id_can_be_kept_by_every_database(read_answer):
    body = b'{"data":[{"id":"a\\u0000b"}],"id":"<a\\u0000b>"}'
    answer = read_answer(Reply(200, {}, body), [0])
    assert answer.outcome is ACCEPTED
    assert all(id_.isprintable() and id_.encode() for id_ in answer.ids.values())
