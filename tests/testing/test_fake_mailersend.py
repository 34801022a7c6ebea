from datetime import timedelta

import httpx
import pytest
from fake_cases import NO_TLS, START, FakeCases

from newsletter.testing.fake_mailersend import FakeMailerSend, read_log, serve


@pytest.fixture
def fake(clock):
    with FakeMailerSend(now=clock) as running:
        yield running


def a_message(*to, **values):
    given = {
        "from": {"email": "weekly@news.example.org", "name": "Back Care"},
        "to": [{"email": one} for one in to or ["a@example.org"]],
        "subject": "For {{ name }}",
        "html": "<p>{{name}} {$name}</p>",
        "text": "Hello {{name}}{{missing}}",
        "list_unsubscribe": "<https://news.example.org/u>",
        "headers": [{"name": "X-A", "value": "b"}],
        "personalization": [{"email": "a@example.org", "data": {"name": "Ann"}}],
        "tags": ["back-pain", "r-1"],
    }
    return {name: value for name, value in {**given, **values}.items() if value is not None}


def post(fake, said, path="/v1/bulk-email", token="any"):
    body = {"content": said} if isinstance(said, bytes) else {"json": said}
    return httpx.post(fake.url + path, headers={"authorization": f"Bearer {token}"}, verify=NO_TLS, **body)


def look(fake, id_, token="any"):
    url = f"{fake.url}/v1/bulk-email/{id_}"
    return httpx.get(url, headers={"authorization": f"Bearer {token}"}, verify=NO_TLS)


def batch(fake, *messages):
    return look(fake, post(fake, list(messages)).json()["bulk_email_id"]).json()["data"]


class TestFake(FakeCases):
    serve = staticmethod(serve)

    def post_one(self, fake):
        return post(fake, [a_message()])

    def look(self, fake):
        id_ = next(iter(fake._batches), None) or post(fake, [a_message()]).json()["bulk_email_id"]
        return look(fake, id_)


def test_a_batch_is_taken_in_and_its_status_tells_what_became_of_it(fake):
    answer = post(fake, [a_message(), a_message("b@example.org")])
    assert (answer.status_code, sorted(answer.json())) == (202, ["bulk_email_id", "message"])
    told = look(fake, answer.json()["bulk_email_id"]).json()["data"]
    assert (told["state"], told["messages_id"]) == ("completed", [mail.id for mail in fake.accepted])
    first = fake.accepted[0]
    assert (first.subject, first.html, first.text) == ("For Ann", "<p>Ann Ann</p>", "Hello Ann")
    assert (first.at, first.reference, first.headers["X-A"]) == (START, "r-1", "b")
    assert first.headers["List-Unsubscribe"] == "<https://news.example.org/u>"
    assert fake.accepted[1].text == "Hello "


def test_without_ours_the_service_has_a_way_out_of_its_own(fake):
    post(fake, [a_message(list_unsubscribe=None)])
    assert "mailersend.example" in fake.accepted[0].headers["List-Unsubscribe"]


def test_a_batch_takes_its_time(fake):
    fake.account.slow = 2
    id_ = post(fake, [a_message()]).json()["bulk_email_id"]
    assert [look(fake, id_).json()["data"]["state"] for _ in range(3)] == ["queued", "queued", "completed"]
    assert look(fake, "another").status_code == 404


def test_several_in_one_message_see_each_other(fake):
    post(fake, [a_message("a@example.org", "b@example.org")])
    assert len(fake.leaks) == 2


@pytest.mark.parametrize("said", [b"{", b"{}", b"[]"])
def test_what_is_no_batch_is_refused(fake, said):
    assert post(fake, said).status_code == 422


def test_more_than_five_hundred_are_refused(fake):
    assert "MS42229" in post(fake, [a_message()] * 501).json()["message"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (a_message("no body"), "MS42208"),
        (a_message(to=[]), "MS42205"),
        (a_message(subject=""), "MS42200"),
        (a_message(html=None, text=None), "MS42200"),
        (a_message(tags=["x"] * 6), "MS42200"),
        (a_message(headers=[{"name": "X Y", "value": "z"}]), "MS42200"),
        (7, "MS42200"),
    ],
)
def test_a_flaw_is_found_out_later_in_a_batch_and_at_once_alone(fake, message, code):
    told = batch(fake, a_message(), message)
    assert (told["validation_errors_count"], list(told["validation_errors"])) == (1, ["message.1"])
    assert code in str(told["validation_errors"])
    alone = post(fake, message, "/v1/email")
    assert alone.status_code == 422
    assert code in alone.json()["message"]
    assert len(fake.accepted) == 1


@pytest.mark.parametrize(
    ("change", "code"), [({"domains": {"other.example"}}, "MS42207"), ({"has_headers": False}, "plan")]
)
def test_an_account_that_may_not_send_this_takes_nobody(fake, change, code):
    for name, value in change.items():
        setattr(fake.account, name, value)
    assert code in str(batch(fake, a_message())["validation_errors"])
    assert not fake.accepted


def test_who_is_suppressed_is_told_apart(fake):
    fake.account.suppressed.add("a@example.org")
    told = batch(fake, a_message(), a_message("b@example.org"))
    assert (told["suppressed_recipients"], len(fake.accepted)) == (["a@example.org"], 1)
    alone = post(fake, a_message(), "/v1/email")
    assert (alone.status_code, "x-message-id" in alone.headers) == (202, False)
    assert alone.json()["warnings"][0]["type"] == "ALL_SUPPRESSED"


def test_one_mail_is_answered_by_a_header(fake):
    answer = post(fake, a_message(), "/v1/email")
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["x-message-id"] == fake.accepted[0].id


def test_a_minute_and_a_day_have_limits(fake, clock):
    fake.account.per_minute, fake.account.quota = 2, 3
    assert [post(fake, [a_message()]).status_code for _ in range(3)] == [202, 202, 429]
    clock.now += timedelta(minutes=1)
    assert post(fake, [a_message()]).status_code == 202
    assert "MS42901" in post(fake, [a_message()]).json()["message"]


def test_another_token_is_refused():
    with FakeMailerSend(key="right") as fake:
        assert post(fake, [a_message()], token="wrong").status_code == 401
        assert post(fake, [a_message()], "/v1/nothing", "right").status_code == 404
        assert post(fake, [a_message()], token="right").status_code == 202


def test_what_was_accepted_outlives_the_fake(tmp_path):
    log = tmp_path / "log.jsonl"
    with FakeMailerSend(log=log) as fake:
        post(fake, [a_message()])
    with FakeMailerSend(log=log) as fake:
        assert [mail.address for mail in fake.accepted] == ["a@example.org"]
    assert read_log(log) == fake.accepted


def test_a_call_is_told_in_a_line():
    lines = []
    with FakeMailerSend(told=lines.append) as fake:
        batch(fake, a_message())
    assert lines[0] == "POST /v1/bulk-email -> 202 The bulk email is being processed."
    assert lines[1].endswith("-> 200 completed")
