from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from fake_cases import NO_TLS, FakeCases, command_running

from newsletter.testing.fake_brevo import KEY_TTL, Account, FakeBrevo, read_log, serve

HEADERS = {"api-key": "any"}


@pytest.fixture
def fake(clock):
    with FakeBrevo(now=clock, index_lag=timedelta(minutes=1)) as running:
        yield running


def a_version(to="a@example.org", **values):
    return {"to": [{"email": to}], **values}


def a_call(*versions, **values):
    given = {
        "sender": {"email": "weekly@news.example.org", "name": "Back Care"},
        "subject": "Lower back",
        "htmlContent": "<p>Hello</p>",
        "textContent": "Hello",
        "tags": ["lower-back", "k-1"],
        "messageVersions": list(versions) or [a_version()],
    }
    return {name: value for name, value in {**given, **values}.items() if value is not None}


def post(fake, call=None, path="/v3/smtp/email", **headers):
    said = a_call() if call is None else call
    return httpx.post(fake.url + path, json=said, headers={**HEADERS, **headers}, verify=NO_TLS)


def get(fake, path="/v3/smtp/statistics/events", **query):
    return httpx.get(fake.url + path, params=query, headers=HEADERS, verify=NO_TLS)


class TestFakeBrevo(FakeCases):
    serve = serve

    def post_one(self, fake):
        return post(fake)

    def look(self, fake):
        return get(fake)


def test_a_call_is_answered_with_an_id_for_each_version_in_order(fake):
    answer = post(fake, a_call(a_version(), a_version("b@example.org")))
    assert answer.status_code == 201
    assert answer.json()["messageIds"] == [f"<{mail.id}>" for mail in fake.accepted]


def test_a_single_mail_has_a_single_id(fake):
    answer = post(fake, a_call(messageVersions=None, to=[{"email": "a@example.org"}]))
    assert answer.json() == {"messageId": f"<{fake.accepted[0].id}>"}


def test_a_version_takes_what_it_does_not_say_from_the_call(fake):
    own = a_version(subject="Own", htmlContent="<b>", headers={"x-own": "1"})
    post(fake, a_call(own, a_version("b@example.org"), headers={"x-all": "2"}))
    first, second = fake.accepted
    assert (first.subject, first.html, first.text, first.headers) == ("Own", "<b>", "Hello", {"X-Own": "1"})
    assert (second.subject, second.headers) == ("Lower back", {"X-All": "2"})


def test_templates_are_filled_wherever_they_stand(fake):
    text = "{{ params.name }}{{contact.X}}{%if x%}y{%endif%}{# z #}"
    own = a_version(params={"name": "Ann"}, subject=text, headers={"X-A": text})
    post(fake, a_call(own, htmlContent=text, textContent=text))
    mail = fake.accepted[0]
    assert {mail.subject, mail.html, mail.text} == {"Anny"}
    assert mail.headers == {"X-A": "y"}


def test_several_in_a_version_see_each_other(fake):
    post(fake, a_call({"to": [{"email": "a@example.org"}, {"email": "b@example.org"}]}))
    assert [mail.address for mail in fake.leaks] == ["a@example.org", "b@example.org"]


def test_a_key_is_taken_once_while_it_is_known(fake, clock):
    keyed = a_call(headers={"idempotencyKey": str(uuid4())})
    assert post(fake, keyed).status_code == 201
    clock.now += KEY_TTL - timedelta(seconds=1)
    again = post(fake, {**keyed, "subject": "Another"})
    assert (again.status_code, again.json()["code"]) == (400, "duplicate_parameter")
    clock.now += timedelta(seconds=1)
    assert post(fake, keyed).status_code == 201
    assert "Idempotencykey" not in fake.accepted[0].headers


def test_a_call_that_was_refused_leaves_its_key_free(fake):
    keyed = {"headers": {"idempotencyKey": str(uuid4())}}
    assert post(fake, a_call(a_version("nobody"), **keyed)).status_code == 400
    assert post(fake, a_call(**keyed)).status_code == 201


def test_what_is_to_be_dropped_is_only_validated(fake):
    assert post(fake, a_call(headers={"X-Sib-Sandbox": "drop"})).status_code == 201
    assert not fake.accepted


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sender": None}, "missing_parameter"),
        ({"sender": {"email": "nobody"}}, "invalid_parameter"),
        ({"replyTo": {"email": "nobody"}}, "invalid_parameter"),
        ({"htmlContent": None}, "missing_parameter"),
        ({"subject": None}, "missing_parameter"),
        ({"messageVersions": []}, "invalid_parameter"),
        ({"messageVersions": [{"subject": "x"}]}, "missing_parameter"),
        ({"messageVersions": [a_version("nobody")]}, "invalid_parameter"),
        ({"messageVersions": [a_version(), a_version("nobody")]}, "invalid_parameter"),
        ({"messageVersions": [a_version()] * 1001}, "out_of_range"),
        ({"messageVersions": [{"to": [{"email": "a@example.org"}] * 100}]}, "out_of_range"),
        ({"messageVersions": [{"to": [{"email": "a@example.org"}] * 50}] * 41}, "out_of_range"),
        ({"messageVersions": [a_version(params={"x": "y" * 100_000})]}, "out_of_range"),
        ({"headers": {"X": 7}}, "invalid_parameter"),
        ({"headers": {"idempotencyKey": "nl-1"}}, "invalid_parameter"),
        ({"tags": "x"}, "invalid_parameter"),
    ],
)
def test_a_call_that_breaks_a_rule_is_refused_for_everybody(fake, change, code):
    answer = post(fake, a_call(**change))
    assert (answer.status_code, answer.json()["code"], len(fake.accepted)) == (400, code, 0)


@pytest.mark.parametrize(
    ("limits", "status", "code"),
    [
        ({"senders": {"elsewhere.example"}}, 400, "invalid_parameter"),
        ({"senders": {"news.example.org"}}, 201, None),
        ({"credits": 0}, 402, "not_enough_credits"),
        ({"is_validated": False}, 403, "account_under_validation"),
        ({"is_known_here": False}, 401, "unauthorized"),
        ({"invalid": {"a@example.org"}}, 400, "invalid_parameter"),
        ({"blocked": {"a@example.org"}}, 201, None),
    ],
)
def test_an_account_has_its_limits(limits, status, code):
    with FakeBrevo(account=Account(**limits)) as fake:
        answer = post(fake)
        assert (answer.status_code, answer.json().get("code")) == (status, code)


def test_credits_are_used_up(fake):
    fake.account.credits = 1
    assert [post(fake).status_code for _ in range(2)] == [201, 402]


def test_the_door_is_kept():
    with FakeBrevo(key="mine") as fake:
        assert (post(fake).status_code, get(fake).status_code) == (401, 401)
        assert post(fake, **{"api-key": "mine"}).status_code == 201


def test_what_is_no_json_and_what_is_no_path(fake):
    answer = httpx.post(f"{fake.url}/v3/smtp/email", content=b"{", headers=HEADERS, verify=NO_TLS)
    assert answer.status_code == 400
    assert post(fake, []).status_code == 400
    assert post(fake, path="/v3/smtp").status_code == 404


def test_a_hundred_calls_with_versions_a_minute_are_enough(fake, clock):
    limited = [post(fake) for _ in range(101)][-1]
    assert (limited.status_code, limited.headers["x-sib-ratelimit-reset"]) == (429, "61")
    assert "retry-after" not in limited.headers
    clock.now += timedelta(minutes=1)
    assert post(fake).status_code == 201


def test_events_are_found_after_the_lag_by_tag_and_address(fake, clock):
    post(fake, a_call(a_version(), a_version("b@example.org")))
    assert get(fake).json() == {}
    clock.now += timedelta(minutes=1)
    (row,) = get(fake, tags='["k-1"]', email="B@example.org").json()["events"]
    assert (row["email"], row["event"], row["tag"]) == ("b@example.org", "requests", '["lower-back","k-1"]')
    assert row["messageId"] == f"<{fake.accepted[1].id}>"
    assert get(fake, tags='["k-2"]').json() == {}
    assert get(fake, event="delivered").json() == {}
    assert len(get(fake, limit="1", offset="1").json()["events"]) == 1


@pytest.mark.parametrize("query", [{"limit": "2501"}, {"limit": "0"}, {"offset": "x"}, {"tags": "k-1"}])
def test_a_search_that_breaks_a_rule_is_refused(fake, query):
    assert get(fake, **query).status_code == 400


def test_a_log_survives(tmp_path):
    log = tmp_path / "log"
    with FakeBrevo(log=log) as fake:
        post(fake)
    with FakeBrevo(log=log, keeps_bodies=False) as fake:
        assert [(mail.address, mail.key, mail.html) for mail in fake.accepted] == [
            ("a@example.org", "k-1", "")
        ]
    assert [mail.address for mail in read_log(log)] == ["a@example.org"]


def test_serving_tells_a_line_for_every_call():
    lines = []
    with FakeBrevo(told=lines.append, index_lag=timedelta(minutes=1)) as fake:
        post(fake, a_call(a_version(), a_version("b@example.org")))
        get(fake)
        post(fake, a_call(a_version("nobody")))
    assert lines == [
        "POST /v3/smtp/email -> 201 accepted 2",
        "GET /v3/smtp/statistics/events -> 200 0 events",
        "POST /v3/smtp/email -> 400 email is not valid in to",
    ]


def test_the_command_runs_one_until_it_is_interrupted(tmp_path):
    with command_running("brevo", tmp_path) as url:
        answer = httpx.post(f"{url}/v3/smtp/email", json=a_call(), headers=HEADERS, verify=NO_TLS)
        assert answer.status_code == 201
