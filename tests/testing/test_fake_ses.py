import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fake_cases import NO_TLS, START

from newsletter.errors import ProviderError
from newsletter.providers.settings import Secret
from newsletter.providers.sigv4 import Credentials, Scope, signed_headers
from newsletter.testing.fake_ses import FakeSes, Fault, Limits, error, read_log, serve

SIGNER = Credentials(Secret("AKIAREHEARSAL"), Secret("rehearsal"))
BULK = "/v2/email/outbound-bulk-emails"


@pytest.fixture
def fake(clock):
    with FakeSes(now=clock) as running:
        yield running


def an_entry(number=0, data=None, **values):
    said = json.dumps({"name": f"N{number}"} if data is None else data)
    return {
        "Destination": {"ToAddresses": [f"r{number}@example.org"]},
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": said}},
        **values,
    }


def a_call(*entries, content=None, template=None, **values):
    parts = {"Subject": "For {{name}}", "Html": "<p>{{ name }}</p>", "Text": "Hello {{name}}"}
    inner = {"TemplateContent": {**parts, **(content or {})}, "TemplateData": "{}", **(template or {})}
    return {
        "FromEmailAddress": "Back Care <weekly@news.example.org>",
        "DefaultContent": {"Template": inner},
        "BulkEmailEntries": list(entries or (an_entry(0), an_entry(1))),
        **values,
    }


def call(fake, said, signer=SIGNER, at=None, scope=Scope("eu-west-1", "ses"), path=BULK, method="POST"):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    headers = {"Content-Type": "application/json"}
    signed = signed_headers(signer, scope, fake.url + path, headers, [body], at or fake.now(), method=method)
    return httpx.request(method, fake.url + path, headers=signed, content=body, verify=NO_TLS)


def type_of(answer):
    return answer.status_code, answer.headers["x-amzn-errortype"].partition(":")[0]


def statuses(answer):
    assert answer.status_code == 200
    return [row["Status"] for row in answer.json()["BulkEmailEntryResults"]]


def test_each_entry_gets_its_values_and_its_headers_over_those_of_all(fake):
    shared = [{"Name": "X-A", "Value": "all"}, {"Name": "X-B", "Value": "all"}]
    own = [{"Name": "X-B", "Value": "own"}]
    said = a_call(
        an_entry(0, ReplacementHeaders=own, ReplacementTags=[{"Name": "t", "Value": "v"}]),
        an_entry(1),
        template={"Headers": shared},
    )
    answer = call(fake, said)
    assert statuses(answer) == ["SUCCESS", "SUCCESS"]
    one, two = fake.accepted
    assert [row["MessageId"] for row in answer.json()["BulkEmailEntryResults"]] == [one.id, two.id]
    assert (one.subject, one.html, one.text) == ("For N0", "<p>N0</p>", "Hello N0")
    assert (one.headers, two.headers) == ({"X-A": "all", "X-B": "own"}, {"X-A": "all", "X-B": "all"})
    assert (one.tags, two.to) == ({"t": "v"}, ("r1@example.org",))


def test_a_mail_that_misses_a_value_is_taken_and_reaches_nobody(fake):
    assert statuses(call(fake, a_call(an_entry(0, {}), an_entry(1)))) == ["SUCCESS", "SUCCESS"]
    assert [mail.to for mail in fake.accepted] == [("r1@example.org",)]
    assert fake.unrendered[0].failure == "Attribute 'name' is not present in the rendering data."
    call(fake, a_call(an_entry(0, {}), template={"TemplateData": '{"name":"there"}'}))
    assert fake.accepted[-1].text == "Hello there"


@pytest.mark.parametrize(
    "html", ["{{#if name}}x{{/if}}", "{{name", "a {{ b", "{{name}}}", "{{{{name}}}}", "{{}}"]
)
def test_only_simple_variables_can_be_rendered(fake, html):
    call(fake, a_call(an_entry(0), content={"Html": html}))
    assert (len(fake.accepted), len(fake.unrendered)) == (0, 1)


def test_a_backslash_makes_a_variable_none(fake):
    call(fake, a_call(an_entry(0), content={"Text": "\\{{name}} {{{name}}} { x } }}"}))
    assert fake.accepted[0].text == "{{name}} N0 { x } }}"


@pytest.mark.parametrize(
    "said",
    [
        a_call(*map(an_entry, range(51))),
        a_call(FromEmailAddress="nobody"),
        a_call(FromEmailAddress="Zoë <a@example.org>"),
        a_call(ReplyToAddresses=["a@example.org, b@example.org"]),
        a_call(content={"Html": "x" * 600_000}),
        a_call(template={"TemplateData": "[]"}),
        a_call(template={"Headers": [{"Name": "X-A", "Value": ""}]}),
        a_call(template={"Headers": [{"Name": "X:A", "Value": "x"}]}),
        a_call(template={"Headers": [{"Name": "X-A", "Value": "x" * 996}]}),
        {"FromEmailAddress": "a@example.org"},
        [],
        b"{",
    ],
)
def test_a_call_beyond_the_limits_is_refused_as_a_whole(fake, said):
    assert call(fake, said).status_code == 400
    assert len(fake.accepted) == 0


@pytest.mark.parametrize(
    "entry",
    [
        {"Destination": {"ToAddresses": []}},
        {"Destination": {"ToAddresses": ["jörg@example.org"]}},
        {"Destination": {"ToAddresses": ["a@example.org, b@example.org"]}},
        {"Destination": {"ToAddresses": ["a@example.org"], "BccAddresses": ["b@example.org"]}},
        an_entry(0, ReplacementTags=[{"Name": "reference", "Value": "a.b"}]),
        an_entry(0, ReplacementTags=[{"Name": "reference", "Value": ""}]),
        an_entry(0, ReplacementHeaders=[{"Name": "X-A", "Value": "a\r\nb"}]),
        an_entry(0, ReplacementHeaders=[{"Name": f"X-{n}", "Value": "x"} for n in range(16)]),
        an_entry(0, data=[]),
    ],
)
def test_an_illegal_entry_is_its_own_trouble_in_a_call_that_is_taken(fake, entry):
    assert statuses(call(fake, a_call(entry, an_entry(1)))) == ["INVALID_PARAMETER", "SUCCESS"]


def test_several_in_one_destination_see_each_other(fake):
    call(fake, a_call({**an_entry(0), "Destination": {"ToAddresses": ["a@example.org", "b@example.org"]}}))
    assert [mail.to for mail in fake.leaks] == [("a@example.org", "b@example.org")]


def test_a_rate_and_a_quota_end_in_the_middle_of_a_call(clock):
    with FakeSes(now=clock, limits=Limits(rate=3, daily=5)) as fake:
        assert statuses(call(fake, a_call())) == ["SUCCESS", "SUCCESS"]
        assert statuses(call(fake, a_call())) == ["SUCCESS", "ACCOUNT_THROTTLED"]
        assert type_of(call(fake, a_call())) == (400, "ThrottlingException")
        clock.now += timedelta(seconds=1)
        three = a_call(*map(an_entry, range(3)))
        assert statuses(call(fake, three)) == ["SUCCESS", "SUCCESS", "ACCOUNT_DAILY_QUOTA_EXCEEDED"]
        assert type_of(call(fake, three)) == (400, "LimitExceededException")
        quota = call(fake, b"", path="/v2/email/account", method="GET").json()["SendQuota"]
        assert quota == {"Max24HourSend": 5.0, "MaxSendRate": 3.0, "SentLast24Hours": 5.0}
        clock.now += timedelta(hours=24)
        assert statuses(call(fake, a_call())) == ["SUCCESS", "SUCCESS"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"signer": Credentials(Secret("AKIAREHEARSAL"), Secret("x"))}, "InvalidSignatureException"),
        ({"signer": Credentials(Secret("AKIAOTHER"), Secret("rehearsal"))}, "UnrecognizedClientException"),
        ({"signer": Credentials(SIGNER.key_id, SIGNER.key, Secret("t"))}, "UnrecognizedClientException"),
        ({"scope": Scope("eu-west-1", "email")}, "InvalidSignatureException"),
        ({"scope": Scope("us-east-1", "ses")}, "InvalidSignatureException"),
        ({"at": START - timedelta(minutes=6)}, "InvalidSignatureException"),
        ({"at": START + timedelta(minutes=6)}, "InvalidSignatureException"),
    ],
)
def test_a_signature_is_verified(clock, values, kind):
    with FakeSes(now=clock, region="eu-west-1") as fake:
        assert type_of(call(fake, a_call(), **values)) == (403, kind)
        assert call(fake, a_call()).status_code == 200


def test_what_was_not_signed_is_not_taken(fake):
    answer = httpx.post(fake.url + BULK, json=a_call(), verify=NO_TLS)
    assert type_of(answer) == (403, "MissingAuthenticationTokenException")
    headers = {"Content-Type": "application/json"}
    signed = signed_headers(SIGNER, Scope("eu-west-1", "ses"), fake.url + BULK, headers, [b"{}"], fake.now())
    answer = httpx.post(fake.url + BULK, headers=signed, content=b"{ }", verify=NO_TLS)
    assert type_of(answer) == (403, "InvalidSignatureException")


def test_an_unknown_path_is_no_operation(fake):
    answer = call(fake, b"", path="/v1/x")
    assert (answer.status_code, answer.text.strip()) == (404, "<UnknownOperationException/>")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.RATE_LIMITED, (429, "TooManyRequestsException")),
        (Fault.RATE_LIMITED_BARE, (400, "ThrottlingException")),
        (Fault.ERROR_BEFORE, (500, "InternalServiceErrorException")),
        (error("SendingPausedException", "Sending paused."), (400, "SendingPausedException")),
    ],
)
def test_a_scripted_answer_takes_nothing(fake, fault, said):
    fake.script.append(fault)
    assert type_of(call(fake, a_call())) == said
    assert len(fake.accepted) == 0


def test_what_was_accepted_survives_in_a_file(tmp_path, clock):
    log = tmp_path / "log"
    with FakeSes(now=clock, log=log) as fake:
        call(fake, a_call())
    with log.open("ab") as out:
        out.write(b'[{"id": "cut')
    with FakeSes(now=clock, log=log) as fake:
        call(fake, a_call(an_entry(2)))
        assert len(fake.accepted) == 3
    assert [mail.to[0] for mail in read_log(log)] == ["r0@example.org", "r1@example.org", "r2@example.org"]
    assert read_log(log)[0].html == ""


def test_a_port_in_use_is_told(fake):
    with pytest.raises(ProviderError, match="another with --port"):
        serve(int(fake.url.rpartition(":")[2]))


def test_serving_tells_where_how_and_what():
    lines, started = [], threading.Event()

    def told(line):
        lines.append(line)
        if len(lines) == 2:
            started.set()

    command = [sys.executable, "-m", "newsletter", "provider", "fake", "ses", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        thread = threading.Thread(target=lambda: [told(line) for line in process.stdout])
        thread.start()
        assert started.wait(20)
        url = lines[0].split()[3].rstrip(";")
        body = json.dumps(a_call()).encode()
        headers = {"Content-Type": "application/json"}
        now = datetime.now(UTC)
        signed = signed_headers(SIGNER, Scope("eu-west-1", "ses"), url + BULK, headers, [body], now)
        httpx.post(url + BULK, headers=signed, content=body, verify=NO_TLS)
        process.terminate()
        thread.join(20)
    assert "AWS_ACCESS_KEY_ID=AKIAREHEARSAL AWS_SECRET_ACCESS_KEY=rehearsal" in lines[1]
    assert lines[2] == f"POST {BULK} -> 200 SUCCESS 2\n"
