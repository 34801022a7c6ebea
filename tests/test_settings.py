from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.config import load_settings
from newsletter.domain.event import EventKind
from newsletter.domain.retention import DEFAULTS, Records
from newsletter.errors import ConfigError, ProviderError
from newsletter.providers.settings import read_secret

LETTER = Path(__file__).parents[1]


def test_variables_are_those_of_the_environment_that_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_PROVIDER__NAME", "resend")
    given = {"NEWSLETTER_PROVIDER__NAME": "mailgun", "NEWSLETTER_PROVIDER__CALLS_AT_ONCE": "3"}
    assert load_settings(LETTER, given).provider.name == "mailgun"
    assert load_settings(LETTER, given).provider.calls_at_once == 3
    assert load_settings(LETTER, {}).provider.name == "outbox"


NOW = datetime(2026, 12, 1, tzinfo=UTC)


def ages(root: Path, **environment: str) -> dict[str, timedelta]:
    before = load_settings(root, environment).retention.spans.before(NOW)
    return {kind: NOW - instant for kind, instant in before.items()}


def with_retention(tmp_path: Path, text: str) -> Path:
    (tmp_path / "newsletter.toml").write_text(f'name = "Back Care"\n[retention]\n{text}\n')
    return tmp_path


def test_every_kind_of_event_has_an_age_at_which_it_goes(tmp_path: Path) -> None:
    found = ages(with_retention(tmp_path, ""))
    assert found.pop(Records.LIMITS) == timedelta(days=2)
    assert found == DEFAULTS
    assert set(EventKind) <= set(found)
    assert found["pending"] == timedelta(days=14)


def test_an_age_is_set_by_kind_in_the_file_or_by_a_variable(tmp_path: Path) -> None:
    root = with_retention(tmp_path, 'delivered = "36h"\nclicked = "forever"')
    assert ages(root)["delivered"] == timedelta(hours=36)
    assert "clicked" not in ages(root)
    assert ages(root, NEWSLETTER_RETENTION__PENDING="2d")["pending"] == timedelta(days=2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('delivred = "9d"', "unknown key 'delivred' of [retention]"),
        ('pending = "a year"', "'a year' is not a length of time"),
        ('pending = "0d"', "'0d' is not a length of time"),
        ("pending = 14", "'pending' of [retention] must be a text in quotes"),
    ],
)
def test_an_age_that_cannot_be_used_is_an_error_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"newsletter\.toml:3") as caught:
        load_settings(with_retention(tmp_path, text), {})
    assert said in str(caught.value)


def with_providers(tmp_path: Path, text: str) -> Path:
    head = 'name = "Back Care"\n[provider]\nname = "mailgun"\n'
    (tmp_path / "newsletter.toml").write_text(f"{head}{text}\n")
    return tmp_path


BULK = '[providers.bulk]\nname = "mailgun"'


def test_a_named_provider_has_the_keys_of_the_default_and_variables_of_its_own(tmp_path: Path) -> None:
    root = with_providers(tmp_path, f'{BULK}\nper_day = 500\nenv_prefix = "BULK_"')
    found = load_settings(root, {"NEWSLETTER_PROVIDERS__BULK__BASE_URL": "http://127.0.0.1:1"}).providers[
        "bulk"
    ]
    assert (found.name, found.per_day, found.base_url) == ("mailgun", 500, "http://127.0.0.1:1")
    environment = {"MAILGUN_API_KEY": "the-default's", "BULK_MAILGUN_API_KEY": "its-own"}
    opened = found.opened_with(tmp_path, environment)
    assert read_secret(opened.environment, "MAILGUN_API_KEY").reveal() == "its-own"
    with pytest.raises(ProviderError, match=r"BULK_RESEND_API_KEY is not set.*BULK_RESEND_API_KEY_FILE"):
        read_secret(opened.environment, "RESEND_API_KEY")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BULK.replace("bulk", "Bulk"), r":4: a provider cannot be called 'Bulk'; write \[providers.bulk\]"),
        (BULK.replace("bulk", "b" * 21), ":4: a provider cannot be called 'bbbb"),
        (BULK.replace("bulk", "mailgun"), r":4: \[providers.mailgun\] is called like the default"),
        (BULK.replace("bulk", "postmark"), r":4: \[providers.postmark\] is called like another provider"),
        ("[providers.bulk]\nper_day = 5", r":4: the key 'name' of \[providers.bulk\] is missing"),
        (BULK.replace("mailgun", "mailgan"), ":5: no provider is called 'mailgan'; did you mean 'mailgun'"),
        (f"{BULK}\nper_dya = 5", r":6: unknown key 'per_dya' of \[providers.bulk\]; did you mean 'per_day'"),
        (f'{BULK}\nenv_prefix = "bulk-"', ":6: env_prefix = 'bulk-' cannot begin"),
        (f'{BULK}\nenv_prefix = "NEWSLETTER_X_"', ":6: env_prefix = 'NEWSLETTER_X_' cannot begin"),
    ],
)
def test_what_cannot_be_a_named_provider_is_refused_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        load_settings(with_providers(tmp_path, text), {})


def test_a_variable_of_no_named_provider_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'NEWSLETTER_PROVIDERS__BULK__PER_DAY'"):
        load_settings(with_providers(tmp_path, BULK), {"NEWSLETTER_PROVIDERS__BULKS__PER_DAY": "5"})
