"""Whatever comes back from a provider, it is classified, proves no more than it says, and tells no secret."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_cast import a_mailing, a_message

from newsletter.domain.provider import Answer, Outcome
from newsletter.providers import (
    brevo,
    brevo_answers,
    mailgun,
    mailjet,
    mailjet_answers,
    postmark,
    postmark_answers,
    resend,
    sendgrid,
    ses,
    ses_answers,
)
from newsletter.providers.answers import Reply
from newsletter.providers.settings import Secret
from newsletter.providers.sigv4 import Credentials
from newsletter.providers.wire import Patience
from newsletter.testing.fake_brevo import FakeBrevo
from newsletter.testing.fake_mailgun import FakeMailgun
from newsletter.testing.fake_mailjet import FakeMailjet
from newsletter.testing.fake_postmark import FakePostmark
from newsletter.testing.fake_resend import FakeResend, Response
from newsletter.testing.fake_sendgrid import FakeSendGrid
from newsletter.testing.fake_ses import FakeSes

SECRET = "re_S3cretS3cretS3cret"
PATIENCE = Patience(read=timedelta(seconds=2), call=timedelta(seconds=0.6))
POSITIONS = (0, 1, 2)
ACCEPTED, UNKNOWN = Outcome.ACCEPTED, Outcome.UNKNOWN
REFUSED, DEFERRED, MISCONFIGURED = Outcome.REFUSED, Outcome.DEFERRED, Outcome.MISCONFIGURED


def raw(head: str, body: bytes = b"") -> bytes:
    return head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


def said(status: int, value: object, **headers: str) -> Response:
    return Response.of(status, value, {name.replace("_", "-"): text for name, text in headers.items()})


class RawServer:
    """Reads one request, writes bytes as they stand, the pieces a pause apart, and hangs up."""

    def __init__(self, *pieces: bytes, pause: float = 0.0) -> None:
        self._pieces, self._pause = pieces, pause
        self._stopping = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "RawServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._socket.close()
        self._thread.join(2)

    def _serve(self) -> None:
        try:
            connection, _ = self._socket.accept()
            with connection:
                self._take(connection)
                for piece in self._pieces:
                    connection.sendall(piece)
                    if self._stopping.wait(self._pause):
                        return
        except OSError:
            return

    def _take(self, connection: socket.socket) -> None:
        head, _, body = b"", b"", b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        head, _, body = head.partition(b"\r\n\r\n")
        (length,) = (line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < int(length):
            body += connection.recv(65536)


@dataclass(frozen=True)
class Trickle:
    """An answer of which a byte comes every 50 ms."""

    head: bytes
    slow: bytes

    def serve(self) -> RawServer:
        return RawServer(self.head, *(bytes([byte]) for byte in self.slow), pause=0.05)


@contextmanager
def answering(case: Response | bytes | Trickle, fake: type) -> Iterator[str]:
    if isinstance(case, Response):
        with fake(script=[case]) as service:
            yield service.url
        return
    with case.serve() if isinstance(case, Trickle) else RawServer(case) as server:
        yield server.url


def call(adapter: type, url: str) -> Answer:
    sender = "Back Care <weekly@news.example.org>"
    with closing(adapter(url, Secret(SECRET), PATIENCE)) as provider:
        return provider.compile(a_message(sender=sender))(a_mailing()).make()


def is_plain(answer: Answer) -> bool:
    """Tell whether an answer is of known positions, on one line, and without the key."""
    told = repr(answer)
    return (
        {*answer.ids, *answer.rejected} <= set(POSITIONS)
        and not set(answer.ids) & set(answer.rejected)
        and SECRET not in told
        and answer.reason == " ".join(answer.reason.split())
        and len(answer.reason) <= 300
    )


HTML = b"<html><h1>Bad Gateway</h1></html>"
IDS = [{"id": "a"}, {"id": "b"}, {"id": "c"}]
IDS_OF_BOTH = json.dumps({"data": IDS, "id": "a"}).encode()
GZIP = "HTTP/1.1 200 OK\nContent-Encoding: gzip\nContent-Length: 3"
CHUNKED = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked"
NEVER, NO_YEAR = "Fri, 31 Dec 9999 23:59:59 GMT", f"Tue, 01 Dec {'9' * 40} 12:00:00 GMT"
NO_ZONE = f"Tue, 01 Dec 2026 12:00:00 +{'9' * 40}"
#: What a service in front may say, to any adapter.
NETWORK = {
    "not JSON": (Response(200, b"OK"), UNKNOWN),
    "empty": (Response(200, b""), UNKNOWN),
    "no content": (raw("HTTP/1.1 204 No Content"), UNKNOWN),
    "null": (Response(200, b"null"), UNKNOWN),
    "a number": (Response(200, b"7"), UNKNOWN),
    "not UTF-8": (Response(200, b'{"data":"\xff\xfe"}'), UNKNOWN),
    "a lone surrogate": (Response(200, b'{"id":"\\ud800","data":[{"id":"\\ud800"}]}'), UNKNOWN),
    "nested without end": (Response(200, b"[" * 100_000), UNKNOWN),
    "nested in data": (Response(200, b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), UNKNOWN),
    "5 MB of nothing": (Response(200, b" " * 5_000_000), UNKNOWN),
    "5 MB and then the ids": (Response(200, b" " * 5_000_000 + IDS_OF_BOTH), UNKNOWN),
    "an HTML page": (Response(200, HTML, {"Content-Type": "text/html"}), UNKNOWN),
    "HTML 502": (Response(502, HTML, {"Content-Type": "text/html"}), UNKNOWN),
    "HTML 429": (Response(429, HTML), DEFERRED),
    "HTML 403": (Response(403, HTML), MISCONFIGURED),
    "moved": (said(301, {}, Location="https://elsewhere.example.org/"), MISCONFIGURED),
    "see other": (said(303, {"id": "a", "data": IDS}, Location="http://127.0.0.1:1/"), MISCONFIGURED),
    "kept method": (said(307, {}, Location="/elsewhere"), MISCONFIGURED),
    "redirect to nowhere": (said(308, {}), MISCONFIGURED),
    "a status of tomorrow": (Response(599, b"{}"), UNKNOWN),
    "length too long": (raw("HTTP/1.1 200 OK\nContent-Length: 999", b'{"id":"a"}'), UNKNOWN),
    "length too short": (raw("HTTP/1.1 200 OK\nContent-Length: 4", b'{"id":"a"}'), UNKNOWN),
    "length not a number": (raw("HTTP/1.1 200 OK\nContent-Length: many", b'{"id":"a"}'), UNKNOWN),
    "length below zero": (raw("HTTP/1.1 200 OK\nContent-Length: -1", b'{"id":"a"}'), UNKNOWN),
    "two lengths": (raw("HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 10", b'{"id":"a"}'), UNKNOWN),
    "broken chunks": (raw(CHUNKED, b"zz\r\n{}\r\n"), UNKNOWN),
    "cut chunks": (raw(CHUNKED, b"a\r\n{}"), UNKNOWN),
    "compressed unasked": (raw(GZIP, b"\x1f\x8b\x08"), UNKNOWN),
    "control bytes in a header": (raw("HTTP/1.1 200 OK\nX-A: \x00\x01\nContent-Length: 2", b"{}"), UNKNOWN),
    "high bytes in a header": (raw("HTTP/1.1 200 OK\nX-A: \xff\xfe\nContent-Length: 2", b"{}"), UNKNOWN),
    "a header without a name": (raw("HTTP/1.1 200 OK\n: a\nContent-Length: 2", b"{}"), UNKNOWN),
    "a header without an end": (raw("HTTP/1.1 200 OK\nX-A: " + "a" * 300_000), UNKNOWN),
    "no status": (raw("HTTP/1.1\nContent-Length: 2", b"{}"), UNKNOWN),
    "another protocol": (b"220 mail.example.org ESMTP\r\n", UNKNOWN),
    "silence": (b"", UNKNOWN),
    "a trickle": (Trickle(raw("HTTP/1.1 200 OK\nContent-Length: 99"), b" " * 99), UNKNOWN),
    "a wait without end": (Response(429, b"{}", {"Retry-After": "9" * 400}), DEFERRED),
    "a wait of no kind": (Response(429, b"{}", {"Retry-After": "-1e9; soon"}), DEFERRED),
    "a wait until never": (Response(429, b"{}", {"Retry-After": NEVER}), DEFERRED),
    "a date of no year": (Response(429, b"{}", {"Retry-After": NO_YEAR}), DEFERRED),
    "a date of no zone": (Response(503, b"{}", {"Retry-After": NO_ZONE}), UNKNOWN),
    "the key in the words": (said(500, {"name": "x", "message": f"key {SECRET} is bad"}), UNKNOWN),
    "the key in a refusal": (said(401, {"name": "x", "message": f"Bearer {SECRET}"}), MISCONFIGURED),
    "lines in the words": (said(422, {"name": "a\r\nb", "message": "c\r\nX-A: d\x00\u2028e"}), REFUSED),
    "words without end": (said(422, {"name": "validation_error", "message": "m" * 900_000}), REFUSED),
    "words of another type": (said(422, {"name": "validation_error", "message": {"a": [None]}}), REFUSED),
}  # fmt: skip
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


def cases(table):
    return [pytest.param(*values, id=name) for name, values in table.items()]


@pytest.mark.parametrize(("case", "outcome"), cases(NETWORK | RESEND))
def test_resend_may_answer_anything(case, outcome):
    with answering(case, FakeResend) as url:
        answer = call(resend.Resend, url)
    assert answer.outcome is outcome
    assert is_plain(answer)


@pytest.mark.parametrize(("case", "outcome"), cases(NETWORK | MAILGUN))
def test_mailgun_may_answer_anything(case, outcome):
    with answering(case, FakeMailgun) as url:
        answer = call(mailgun.Mailgun, url)
    assert answer.outcome is outcome
    assert is_plain(answer)


@pytest.mark.parametrize(("case", "outcome"), cases(NETWORK | BREVO))
def test_brevo_may_answer_anything(case, outcome):
    with answering(case, FakeBrevo) as url:
        answer = call(brevo.Brevo, url)
    assert answer.outcome is outcome
    assert is_plain(answer)


@pytest.mark.parametrize(("case", "outcome"), cases(NETWORK | MAILJET))
def test_mailjet_may_answer_anything(case, outcome):
    with answering(case, FakeMailjet) as url:
        answer = call(french, url)
    assert answer.outcome is outcome
    assert is_plain(answer)


@pytest.mark.parametrize(("case", "outcome"), cases(NETWORK | POSTMARK))
def test_postmark_may_answer_anything(case, outcome):
    with answering(case, FakePostmark) as url:
        answer = call(postmark.Postmark, url)
    assert answer.outcome is outcome
    assert is_plain(answer)


@pytest.mark.parametrize(("case", "outcome"), cases(NETWORK | SENDGRID))
def test_sendgrid_may_answer_anything(case, outcome):
    with answering(case, FakeSendGrid) as url:
        answer = call(sendgrid.SendGrid, url)
    assert answer.outcome is outcome
    assert is_plain(answer)


@pytest.mark.parametrize(("case", "outcome"), cases(NETWORK | SES))
def test_amazon_may_answer_anything(case, outcome):
    with answering(case, FakeSes) as url:
        answer = call(amazon, url)
    assert answer.outcome is outcome
    assert is_plain(answer)


keys = st.sampled_from(("data", "errors", "id", "index", "message", "name", "error"))
names = st.sampled_from(["rate_limit_exceeded", "daily_quota_exceeded", "invalid_idempotent_request"])


@pytest.mark.parametrize("read_answer", [resend.read_answer, mailgun.read_answer])
def test_an_id_can_be_kept_by_every_database(read_answer):
    body = b'{"data":[{"id":"a\\u0000b"}],"id":"<a\\u0000b>"}'
    answer = read_answer(Reply(200, {}, body), [0])
    assert answer.outcome is ACCEPTED
    assert all(id_.isprintable() and id_.encode() for id_ in answer.ids.values())


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
