from datetime import timedelta

import httpx
import pytest
from fake_cases import NO_TLS, FakeCases, command_running

from newsletter.testing.fake_mailjet import Account, FakeMailjet, read_log, serve

LOGIN = ("public", "private")


@pytest.fixture
def fake(clock):
    with FakeMailjet(now=clock, index_lag=timedelta(minutes=1)) as running:
        yield running


def a_mail(to="a@example.org", **values):
    given = {
        "From": {"Email": "weekly@news.example.org", "Name": "Back Care"},
        "To": [{"Email": to}],
        "Subject": "Lower back",
        "HTMLPart": "<p>Hello</p>",
        "TextPart": "Hello",
        "Headers": {"List-Unsubscribe": "<https://news.example.org/u/1>"},
        "CustomID": f"k-1-{to[0]}",
    }
    return {name: value for name, value in {**given, **values}.items() if value is not None}


def post(fake, *mails, path="/v3.1/send", login=LOGIN, **values):
    said = {"Messages": list(mails) or [a_mail()], **values}
    return httpx.post(fake.url + path, json=said, auth=login, verify=NO_TLS)


def get(fake, path="/v3/REST/message", **query):
    return httpx.get(fake.url + path, params=query, auth=LOGIN, verify=NO_TLS)


def codes(answer):
    return [row["Errors"][0]["ErrorCode"] if "Errors" in row else "" for row in answer.json()["Messages"]]


class TestFakeMailjet(FakeCases):
    serve = serve

    def post_one(self, fake):
        return post(fake)

    def look(self, fake):
        return get(fake)


def test_a_batch_is_answered_row_by_row_and_one_failure_makes_the_status(fake):
    answer = post(fake, a_mail(), a_mail("nobody"), a_mail("c@example.org"))
    assert (answer.status_code, codes(answer)) == (400, ["", "mj-0013", ""])
    rows = answer.json()["Messages"]
    assert rows[1]["Errors"][0]["ErrorRelatedTo"] == ["To[0].Email"]
    assert [mail.address for mail in fake.accepted] == ["a@example.org", "c@example.org"]
    assert rows[0]["To"][0]["MessageID"] == int(fake.accepted[0].id)
    assert post(fake).status_code == 200


def test_ids_are_larger_than_a_floating_point_holds(fake):
    post(fake, a_mail(), a_mail("b@example.org"))
    first, second = (int(mail.id) for mail in fake.accepted)
    assert first != second
    assert float(first) == float(second)


def test_a_mail_to_several_shows_each_to_all(fake):
    post(fake, a_mail(To=[{"Email": "a@example.org"}, {"Email": "b@example.org"}]))
    assert [mail.address for mail in fake.leaks] == ["a@example.org", "b@example.org"]


def test_a_campaign_may_have_nobody_twice(fake):
    once = {"CustomCampaign": "nl-1", "DeduplicateCampaign": True}
    post(fake, a_mail(**once), a_mail("b@example.org", **once))
    again = post(fake, a_mail("A@example.org", **once), a_mail("c@example.org", **once))
    assert codes(again) == ["", ""]
    assert [mail.address for mail in fake.accepted] == ["a@example.org", "b@example.org", "c@example.org"]
    assert [mail.address for mail in fake.duplicates] == ["A@example.org"]
    post(fake, a_mail(**{**once, "CustomCampaign": "nl-2"}), a_mail(CustomCampaign="nl-1"))
    assert len(fake.accepted) == 5


def test_what_is_given_for_all_is_given_to_each(fake):
    post(fake, {"To": [{"Email": "a@example.org"}]}, Globals=a_mail(To=None, Subject="For all"))
    assert fake.accepted[0].subject == "For all"


def test_only_what_is_called_a_template_is_filled(fake):
    text = '{{var:name:"there"}} [[var:name]]'
    post(fake, a_mail(TextPart=text), a_mail(TextPart=text, TemplateLanguage=True, Variables={"name": "Ann"}))
    assert [mail.text for mail in fake.accepted] == [text, "Ann Ann"]


def test_a_test_takes_nothing(fake):
    answer = post(fake, SandboxMode=True)
    assert answer.json()["Messages"][0]["To"][0]["MessageID"] == 0
    assert not fake.accepted


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"From": None}, "mj-0003"),
        ({"From": {"Email": "nobody"}}, "mj-0013"),
        ({"ReplyTo": {"Email": "nobody"}}, "mj-0013"),
        ({"To": None}, "mj-0003"),
        ({"To": [{"Email": 7}]}, "mj-0013"),
        ({"To": [{"Email": "a@example.org"}] * 51}, "mj-0006"),
        ({"HTMLPart": None, "TextPart": None}, "mj-0003"),
        ({"Subject": 7}, "mj-0004"),
        ({"Unknown": 7}, "mj-0002"),
        ({"CustomCampaign": "a/b"}, "mj-0005"),
        ({"TrackOpens": "maybe"}, "mj-0005"),
        ({"Headers": ["x"]}, "mj-0004"),
        ({"Headers": {"List-Id": "x"}}, "send-0011"),
        ({"Headers": {"message-id": "x"}}, "send-0011"),
        ({"Headers": {"X-MJ-CustomID": "x"}}, "send-0011"),
    ],
)
def test_a_mail_that_breaks_a_rule_is_refused_alone(fake, change, code):
    bad = {name: value for name, value in {**a_mail(), **change}.items() if value is not None}
    assert codes(post(fake, bad, a_mail("b@example.org"))) == [code, ""]
    assert [mail.address for mail in fake.accepted] == ["b@example.org"]


def test_what_is_no_message_is_refused_alone(fake):
    assert codes(post(fake, "x", a_mail())) == ["mj-0004", ""]


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({"senders": {"elsewhere.example"}}, 403),
        ({"senders": {"news.example.org"}}, 200),
        ({"senders": {"weekly@news.example.org"}}, 200),
        ({"is_blocked": True}, 403),
    ],
)
def test_an_account_has_its_limits(limits, status):
    with FakeMailjet(account=Account(**limits)) as fake:
        assert post(fake).status_code == status


def test_the_door_is_kept():
    with FakeMailjet(key="public:private") as fake:
        assert post(fake, login=("public", "wrong")).status_code == 401
        assert post(fake, login=("public", "")).status_code == 401
        assert httpx.get(f"{fake.url}/v3/REST/message", verify=NO_TLS).status_code == 401
        assert post(fake).status_code == 200


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'{"Messages":[]}', b'{"Messages":[' + b"{}," * 50 + b"{}]}"]
)
def test_what_is_no_batch_is_refused_whole(fake, body):
    answer = httpx.post(f"{fake.url}/v3.1/send", content=body, auth=LOGIN, verify=NO_TLS)
    assert answer.status_code == answer.json()["StatusCode"] == 400
    assert "Messages" not in answer.json()


def test_another_path_is_not_found(fake):
    assert post(fake, path="/v3/send").status_code == 404


def test_a_mail_is_found_by_its_custom_id_after_the_lag(fake, clock):
    once = {"CustomCampaign": "nl-1", "DeduplicateCampaign": True}
    for _ in range(2):
        post(fake, a_mail(**once), a_mail("b@example.org", **once))
    assert get(fake, CustomID="k-1-b").json() == {"Count": 0, "Data": [], "Total": 0}
    clock.now += timedelta(minutes=1)
    said = get(fake, CustomID="k-1-b").json()
    # What was blocked is listed, too.
    assert [row["ID"] for row in said["Data"]] == [int(fake.accepted[1].id), int(fake.duplicates[1].id)]
    assert len({row["ContactID"] for row in said["Data"]}) == 1
    assert get(fake, Limit="1").json()["Count"] == 1
    assert get(fake, Limit="1001").status_code == 400


def test_a_log_survives_and_so_do_its_campaigns(tmp_path):
    log, once = tmp_path / "log", {"CustomCampaign": "nl-1", "DeduplicateCampaign": True}
    with FakeMailjet(log=log) as fake:
        post(fake, a_mail(**once))
    with FakeMailjet(log=log, keeps_bodies=False) as fake:
        assert [(mail.key, mail.reference, mail.html) for mail in fake.accepted] == [("k-1", "k-1-a", "")]
        post(fake, a_mail(**once), a_mail("b@example.org", **once))
    assert [mail.address for mail in read_log(log)] == ["a@example.org", "b@example.org"]


def test_serving_tells_a_line_for_every_call():
    lines = []
    with FakeMailjet(told=lines.append, index_lag=timedelta(minutes=1)) as fake:
        post(fake, a_mail(), a_mail("nobody"))
        get(fake)
        post(fake, path="/v3/send")
    assert lines == [
        "POST /v3.1/send -> 400 accepted 1, rejected 1",
        "GET /v3/REST/message -> 200 0 messages",
        "POST /v3/send -> 404 Object not found.",
    ]


def test_the_command_runs_one_until_it_is_interrupted(tmp_path):
    with command_running("mailjet", tmp_path) as url:
        answer = httpx.post(f"{url}/v3.1/send", json={"Messages": [a_mail()]}, auth=LOGIN, verify=NO_TLS)
        assert answer.status_code == 200
