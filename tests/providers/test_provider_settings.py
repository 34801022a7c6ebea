from pathlib import Path

import pytest

from newsletter.errors import ProviderError
from newsletter.providers import ProviderSettings, open_provider, provider_names
from newsletter.providers.settings import MailServer, checked_url, read_secret

KEY = "re_secret_1234567890"
KEYS = (
    "BREVO_API_KEY",
    "RESEND_API_KEY",
    "MAILERSEND_API_TOKEN",
    "MAILGUN_API_KEY",
    "MANDRILL_API_KEY",
    "MJ_APIKEY_PUBLIC",
    "MJ_APIKEY_PRIVATE",
    "POSTMARK_SERVER_TOKEN",
    "SENDGRID_API_KEY",
    "SPARKPOST_API_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
)


def opened(name, **values):
    provider = open_provider(ProviderSettings(name, **values))
    provider.close()
    return provider


@pytest.mark.parametrize("name", provider_names())
def test_every_provider_opens_under_its_own_name(name, tmp_path):
    environment = {**dict.fromkeys(KEYS, KEY), "AWS_REGION": "eu-west-1"}
    provider = opened(name, folder=tmp_path, environment=environment, server=MailServer("smtp.example.org"))
    assert provider.capabilities.name == name


def test_an_unknown_provider_is_answered_with_the_nearest():
    with pytest.raises(ProviderError, match="did you mean 'resend'"):
        opened("recent")


def test_a_missing_key_is_named_and_mended():
    with pytest.raises(ProviderError, match=r"RESEND_API_KEY is not set.*RESEND_API_KEY_FILE"):
        opened("resend")


def test_a_key_may_stand_in_a_file(tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert read_secret({"RESEND_API_KEY_FILE": str(tmp_path / "key")}, "RESEND_API_KEY").reveal() == KEY


@pytest.mark.parametrize("content", [None, b"", b"two words", b"\xff\xfe"])
def test_a_key_file_that_holds_no_key_is_named(tmp_path, content):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ProviderError, match="RESEND_API_KEY_FILE"):
        read_secret({"RESEND_API_KEY_FILE": str(file)}, "RESEND_API_KEY")


def test_a_secret_is_shown_to_nobody():
    settings = ProviderSettings("resend", environment={"RESEND_API_KEY": KEY, "MAILGUN_API_KEY": KEY})
    secret = read_secret(settings.environment, "RESEND_API_KEY")
    provider = opened("resend", environment=settings.environment)
    assert KEY not in f"{settings} {secret} {secret!r} {provider!r} {vars(provider)}"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9025/", "http://localhost:1", "http://[::1]:1", "https://x.example"]
)
def test_tls_and_this_machine_may_be_called(url):
    assert checked_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.resend.com",
        "ftp://x.example",
        "x.example",
        "https://",
        "https://a:b@x.example",
        "http://x:99999",
    ],
)
def test_no_other_address_may_be_called(url):
    with pytest.raises(ProviderError, match="base_url"):
        checked_url(url)


def test_a_password_in_the_address_is_not_repeated():
    with pytest.raises(ProviderError) as refused:
        checked_url("https://user:hunter2@x.example")
    assert "hunter2" not in str(refused.value)


def test_the_outbox_needs_nothing(tmp_path):
    assert opened("outbox", folder=Path(tmp_path)).capabilities.rehearsal
