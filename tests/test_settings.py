from pathlib import Path

import pytest

from newsletter.config import load_settings

LETTER = Path(__file__).parents[1]


def test_variables_are_those_of_the_environment_that_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_PROVIDER__NAME", "resend")
    given = {"NEWSLETTER_PROVIDER__NAME": "mailgun", "NEWSLETTER_PROVIDER__CALLS_AT_ONCE": "3"}
    assert load_settings(LETTER, given).provider.name == "mailgun"
    assert load_settings(LETTER, given).provider.calls_at_once == 3
    assert load_settings(LETTER, {}).provider.name == "outbox"
