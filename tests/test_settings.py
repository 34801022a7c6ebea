from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.config import load_settings
from newsletter.domain.event import EventKind
from newsletter.domain.retention import DEFAULTS, Records
from newsletter.errors import ConfigError

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
