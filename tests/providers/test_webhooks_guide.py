"""Every row of docs/webhooks.md is true."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.domain.bouncing import Bounce, Tried, classify, struck_out_at
from newsletter.domain.event import Post
from newsletter.errors import ProviderError
from newsletter.providers import listeners
from newsletter.testing.reports import Report, mailgun_report, resend_report

GUIDE = (Path(__file__).parents[2] / "docs/webhooks.md").read_text(encoding="utf-8")
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
SECRET, KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "test-signing-key"
SECRETS = {"RESEND_WEBHOOK_SECRET": SECRET, "MAILGUN_WEBHOOK_SIGNING_KEY": KEY}


def table(heading: str) -> list[list[str]]:
    """Read the rows of the table whose first column is called so."""
    _, _, rest = GUIDE.partition(f"\n| {heading} |")
    assert rest, heading
    rows = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def kind_of(provider: str, report: Report) -> str:
    (event,) = listeners(SECRETS)[provider]().listen(Post(report.headers, report.body), NOW)
    return str(event.kind)


@pytest.mark.parametrize(("resend", "mailgun", "kept", "changes"), table("at Resend"))
def test_a_report_is_kept_as_the_guide_says(resend, mailgun, kept, changes):
    kind = kept.strip("`")
    if resend != "no such event":
        name = resend.strip("`") if resend.startswith("`") else "domain.created"
        assert kind_of("resend", resend_report(SECRET, name, {}, NOW)) == kind
    name, _, how = mailgun.replace("`", "").partition(", ")
    extra = {"severity": "temporary" if how == "temporary" else "permanent", "reason": how} if how else {}
    assert kind_of("mailgun", mailgun_report(KEY, name, "", "ann@example.org", NOW, **extra)) == kind


@pytest.mark.parametrize(("said", "kind", "then"), table("the refusal says"))
def test_a_bounce_means_what_the_guide_says(said, kind, then):
    bounce = classify(said.strip("`"))
    assert bounce == kind
    weeks = [Tried(NOW.replace(day=1 + 8 * number), is_delivered=False, bounce=bounce) for number in range(3)]
    if bounce is Bounce.HARD:
        assert "at once" in then
    elif bounce is Bounce.BLOCK:
        assert "stays" in then
        assert struck_out_at(weeks) is None
    else:
        issues = 2 if "two issues" in then else 3
        assert struck_out_at(weeks[: issues - 1]) is None
        assert struck_out_at(weeks[:issues]) == weeks[issues - 1].made_at


@pytest.mark.parametrize(("provider", "address", "variable", "place"), table("provider"))
def test_the_variable_of_the_guide_is_the_one_that_is_missing(provider, address, variable, place):
    name = provider.lower()
    assert address == f"`/webhooks/{name}`"
    with pytest.raises(ProviderError, match=re.escape(variable.strip("`"))):
        listeners({})[name]()
