"""docs/checks.md lists every rule as the code has it."""

from pathlib import Path

from newsletter.checks.catalogue import page
from newsletter.checks.registry import every_rule

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"


def test_the_page_is_what_the_rules_say():
    written = PAGE.read_text(encoding="utf-8").splitlines()
    assert written == list(page()), "run: python -m newsletter.checks.catalogue > docs/checks.md"


def test_every_rule_stands_on_it_once():
    rows = [line.split("`")[1] for line in page() if line.startswith("| `") and line.count(" | ") >= 5]
    assert sorted(rows) == sorted(every_rule())
