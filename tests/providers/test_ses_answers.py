import json
from datetime import timedelta

import pytest

from newsletter.domain.provider import Outcome
from newsletter.providers.answers import Reply
from newsletter.providers.ses_answers import read_answer

ACCEPTED, REFUSED, DEFERRED = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.DEFERRED
MISCONFIGURED, UNKNOWN = Outcome.MISCONFIGURED, Outcome.UNKNOWN
SOON, LATER = timedelta(seconds=2), timedelta(hours=1)
ERRORS = [
    (429, "TooManyRequestsException", "Too many requests", DEFERRED),
    (400, "ThrottlingException", "Maximum sending rate exceeded.", DEFERRED),
    (400, "Throttling", "Rate exceeded", DEFERRED),
    (400, "ThrottledException", "Rate exceeded", DEFERRED),
    (400, "ThrottlingException", "Daily message quota exceeded.", DEFERRED),
    (400, "LimitExceededException", "Daily message quota exceeded.", DEFERRED),
    (400, "LimitExceededException", "", DEFERRED),
    (400, "AccountSuspendedException", "Your account is suspended", MISCONFIGURED),
    (400, "SendingPausedException", "Sending paused for this account.", MISCONFIGURED),
    (400, "MailFromDomainNotVerifiedException", "The domain isn't verified", MISCONFIGURED),
    (400, "MessageRejected", "Email address is not verified. The identities failed: x", MISCONFIGURED),
    (400, "MessageRejected", "The message contains a virus", REFUSED),
    (400, "BadRequestException", "Illegal address", REFUSED),
    (400, "BadRequestException", "Missing or illegal FromEmailAddress.", MISCONFIGURED),
    (400, "BadRequestException", "Illegal ReplyToAddresses.", MISCONFIGURED),
    (400, "BadRequestException", "The template content is larger than 500 KB.", MISCONFIGURED),
    (400, "ValidationException", "1 validation error", REFUSED),
    (400, "SerializationException", "", REFUSED),
    (404, "NotFoundException", "Configuration set <x> does not exist.", MISCONFIGURED),
    (404, "NotFoundException", "Template x does not exist.", MISCONFIGURED),
    (403, "AccessDeniedException", "is not authorized to perform: ses:SendEmail", MISCONFIGURED),
    (403, "UnrecognizedClientException", "The security token is invalid.", MISCONFIGURED),
    (403, "InvalidSignatureException", "Signature expired", MISCONFIGURED),
    (403, "SignatureDoesNotMatch", "The request signature", MISCONFIGURED),
    (403, "MissingAuthenticationTokenException", "", MISCONFIGURED),
    (403, "ExpiredTokenException", "The security token is expired", MISCONFIGURED),
    (400, "ExpiredToken", "The security token is expired", MISCONFIGURED),
    (400, "RequestExpired", "", MISCONFIGURED),
    (403, "OptInRequired", "", MISCONFIGURED),
    (408, "RequestTimeoutException", "", UNKNOWN),
    (409, "ConflictException", "", UNKNOWN),
    (500, "InternalServiceErrorException", "", UNKNOWN),
    (500, "InternalFailure", "", UNKNOWN),
    (500, "ConcurrentModificationException", "", UNKNOWN),
    (503, "ServiceUnavailableException", "", UNKNOWN),
    (503, "ServiceUnavailable", "", UNKNOWN),
    (400, "AnErrorOfTomorrow", "", REFUSED),
]
STOPS = [
    "ACCOUNT_SUSPENDED",
    "ACCOUNT_SENDING_PAUSED",
    "CONFIGURATION_SET_SENDING_PAUSED",
    "CONFIGURATION_SET_NOT_FOUND",
    "CONFIGURATION_SET_DOES_NOT_EXIST",
    "TEMPLATE_NOT_FOUND",
    "TEMPLATE_DOES_NOT_EXIST",
    "MAIL_FROM_DOMAIN_NOT_VERIFIED",
    "INVALID_SENDING_POOL_NAME",
]
PUT_OFF = [
    ("TRANSIENT_FAILURE", SOON),
    ("ACCOUNT_THROTTLED", SOON),
    ("ACCOUNT_DAILY_QUOTA_EXCEEDED", LATER),
]
THEIRS = [
    "MESSAGE_REJECTED",
    "INVALID_PARAMETER",
    "INVALID_PARAMETER_VALUE",
    "FAILED",
    "A_STATUS_OF_TOMORROW",
]


def read(status, body, positions=(0, 1), secrets=(), **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_answer(Reply(status, named, raw), positions, secrets)


def results(*statuses):
    rows = []
    for number, status in enumerate(statuses):
        ok = status == "SUCCESS"
        rows.append({"Status": status, **({"MessageId": f"id-{number}"} if ok else {"Error": "words"})})
    return {"BulkEmailEntryResults": rows}


@pytest.mark.parametrize(("status", "kind", "words", "outcome"), ERRORS)
def test_every_error_is_classified_by_its_type(status, kind, words, outcome):
    answer = read(status, {"message": words}, x_amzn_errortype=kind)
    assert (answer.outcome, answer.status, answer.ids) == (outcome, status, {})
    assert kind in answer.reason
    assert words in answer.reason


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"message": "x"}, {"x_amzn_errortype": "ThrottlingException:http://internal.amazon.com/coral/"}),
        ({"message": "x", "__type": "ThrottlingException"}, {}),
        ({"Message": "x", "__type": "com.amazon.coral.availability#ThrottlingException"}, {}),
        ({"message": "x", "code": "ThrottlingException"}, {}),
        ({"message": "x", "Code": "Throttling"}, {}),
    ],
)
def test_the_type_is_found_wherever_it_is_written(body, headers):
    answer = read(400, body, **headers)
    assert (answer.outcome, answer.retry_after) == (DEFERRED, SOON)


def test_a_rate_is_over_soon_and_a_daily_quota_comes_back_little_by_little():
    throttled = {"x_amzn_errortype": "ThrottlingException"}
    assert read(400, {"message": "Maximum sending rate exceeded."}, **throttled).retry_after == SOON
    assert read(400, {"message": "Daily message quota exceeded."}, **throttled).retry_after == LATER
    assert read(400, {}, x_amzn_errortype="LimitExceededException").retry_after == LATER
    assert read(429, {}, retry_after="7").retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (301, MISCONFIGURED),
        (400, REFUSED),
        (403, MISCONFIGURED),
        (404, MISCONFIGURED),
        (408, UNKNOWN),
        (413, REFUSED),
        (429, DEFERRED),
        (500, UNKNOWN),
        (502, UNKNOWN),
        (503, UNKNOWN),
        (504, UNKNOWN),
    ],
)
def test_a_page_of_the_network_is_judged_by_its_status(status, outcome):
    assert read(status, b"<html>error</html>").outcome is outcome


def test_ids_belong_to_positions_in_order():
    answer = read(200, results("SUCCESS", "SUCCESS"), positions=(4, 7), x_amzn_requestid="r-1")
    assert (answer.outcome, answer.ids) == (ACCEPTED, {4: "id-0", 7: "id-1"})
    assert answer.request_id == "r-1"


@pytest.mark.parametrize("status", THEIRS)
def test_a_status_of_one_recipient_is_theirs_alone(status):
    answer = read(200, results("SUCCESS", status, "SUCCESS"), positions=(2, 5, 9))
    assert (answer.outcome, answer.ids) == (ACCEPTED, {2: "id-0", 9: "id-2"})
    assert answer.rejected == {5: f"{status}, words"}


def test_everybody_rejected_is_an_answer_about_everybody():
    answer = read(200, results("MESSAGE_REJECTED", "INVALID_PARAMETER"))
    assert (answer.outcome, sorted(answer.rejected)) == (ACCEPTED, [0, 1])


@pytest.mark.parametrize(("status", "wait"), PUT_OFF)
def test_a_call_of_which_nobody_was_taken_waits(status, wait):
    answer = read(200, results(status, "MESSAGE_REJECTED"))
    assert (answer.outcome, answer.retry_after) == (DEFERRED, wait)
    assert (answer.ids, answer.rejected) == ({}, {})
    assert status in answer.reason


@pytest.mark.parametrize("status", STOPS)
def test_a_status_of_the_account_stops_the_run(status):
    answer = read(200, results(status, "ACCOUNT_THROTTLED"))
    assert (answer.outcome, answer.reason) == (MISCONFIGURED, f"HTTP 200: {status}, words")


def test_an_unverified_address_is_the_accounts_whatever_its_status():
    rows = [{"Status": "MESSAGE_REJECTED", "Error": "Email address is not verified."}]
    assert read(200, {"BulkEmailEntryResults": rows}, positions=(0,)).outcome is MISCONFIGURED


@pytest.mark.parametrize("status", [*STOPS, *(status for status, _ in PUT_OFF)])
def test_where_some_were_taken_and_others_put_off_nobody_may_be_sent_it_twice(status):
    answer = read(200, results("SUCCESS", status, "SUCCESS"), positions=(2, 5, 9))
    assert (answer.outcome, answer.ids) == (UNKNOWN, {2: "id-0", 9: "id-2"})
    assert answer.reason == f"HTTP 200: 2 of 3 were taken, the others put off: {status}, words"


def test_a_success_without_an_id_is_a_success():
    answer = read(200, {"BulkEmailEntryResults": [{"Status": "SUCCESS"}, {"Status": "success"}]})
    assert (answer.outcome, answer.ids, answer.rejected) == (ACCEPTED, {}, {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"BulkEmailEntryResults":[{"Status":"SUC',
        b"[]",
        b"null",
        b"{}",
        b'{"MessageId":"a"}',
        b'{"BulkEmailEntryResults":[]}',
        b'{"BulkEmailEntryResults":{}}',
        b'{"BulkEmailEntryResults":["SUCCESS","SUCCESS"]}',
        b'{"BulkEmailEntryResults":[{"Status":"SUCCESS"}]}',
        b'{"BulkEmailEntryResults":[{"Status":"SUCCESS"},{"Status":7}]}',
        b'{"BulkEmailEntryResults":[{"Status":"SUCCESS"},{"Status":""}]}',
        b'{"BulkEmailEntryResults":[{"Status":"SUCCESS"},{"Status":"SUCCESS"},{"Status":"SUCCESS"}]}',
        b"\xff\xfe",
    ],
)
def test_a_success_that_cannot_be_read_proves_nothing(body):
    answer = read(200, body)
    assert (answer.outcome, answer.ids, answer.rejected) == (UNKNOWN, {}, {})


def test_what_was_signed_is_not_repeated_and_no_part_of_a_secret():
    token = "T" * 400
    words = f"It does not match. The Canonical String for this request was 'POST x-amz-security-token:{token}"
    answer = read(403, {"message": words}, secrets=(token,), x_amzn_errortype="InvalidSignatureException")
    assert answer.reason == "HTTP 403: InvalidSignatureException, It does not match."
    rows = [{"Status": "FAILED", "Error": f"{'w' * 250} {token}"}]
    said = read(200, {"BulkEmailEntryResults": rows}, positions=(0,), secrets=(token,))
    assert "T" not in said.rejected[0].removeprefix("FAILED")
