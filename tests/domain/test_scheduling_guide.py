"""Every row of docs/scheduling.md is true."""

import re
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from clock_cast import local

from newsletter.checks.cadence import check_cadence
from newsletter.content.series_files import parse_series
from newsletter.content.series_tables import duration
from newsletter.domain.cadence import clock_note, resolve
from newsletter.domain.finding import Severity
from newsletter.domain.release import late_by
from newsletter.domain.sequence import NOTHING, Part, next_part
from newsletter.domain.series import Series
from newsletter.errors import LetterError

GUIDE = (Path(__file__).parents[2] / "docs/scheduling.md").read_text(encoding="utf-8")
(CADENCE,) = re.findall(r"^```toml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
SERIES = """title = "Back pain"
from = "weekly@news.example.org"
{cadence}
[[issue]]
id = "neck"
sections = ["backs#neck"]
"""


def table(heading: str) -> list[list[str]]:
    """Read the rows of the table whose first column is called so."""
    _, _, rest = GUIDE.partition(f"\n| {heading} |")
    assert rest, heading
    rows = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


def series_with(line: str) -> Series:
    """Read the series of the guide with one line of its cadence written otherwise, or left out."""
    key, _, _ = line.removeprefix("no `").partition(" ")
    key = key.strip("`")
    instead = "" if line.startswith("no ") else f"{line}\n"
    cadence, times = re.subn(rf"^{key} = .*\n", instead, CADENCE, flags=re.MULTILINE)
    assert times == 1, line
    return parse_series(SERIES.format(cadence=cadence), slug="back-pain", file="back-pain.toml")


@pytest.mark.parametrize(("order", "had", "coming"), table("the order is now"))
def test_what_comes_next_in_a_sequence_is_what_the_guide_says(order, had, coming) -> None:
    parts = [Part(number, slug, number, "approved") for number, slug in enumerate(order.split(), 1)]
    furthest = max((one.position for one in parts if one.slug in had.split()), default=NOTHING)
    found = next_part(parts, furthest)
    assert (found.slug if found else "nothing") == coming


def test_the_cadence_of_the_guide_can_be_used() -> None:
    assert series_with('time = "09:00"').cadence.starts == tomllib.loads(CADENCE)["cadence"]["starts"]


@pytest.mark.parametrize(("zone", "slot", "instant", "shows", "note"), table("zone"))
def test_a_slot_of_the_guide_goes_out_at_the_instant_it_says(zone, slot, instant, shows, note) -> None:
    wanted = datetime.fromisoformat(slot)
    at = resolve(wanted.date(), wanted.time(), zone)
    assert at == datetime.strptime(instant, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)
    assert local(at, zone) == datetime.fromisoformat(shows)
    assert clock_note(wanted.date(), wanted.time(), zone) == note


def test_the_guide_has_every_note_that_a_plan_can_have() -> None:
    assert {row[-1] for row in table("zone")} == {row[-1] for row in table("the rule")}


@pytest.mark.parametrize(("line", "answer", "mend"), table("a cadence with"))
def test_what_the_guide_refuses_is_refused_and_what_it_warns_of_is_found(line, answer, mend) -> None:
    if answer == "refused":
        with pytest.raises(LetterError) as refused:
            series_with(line)
        assert mend in refused.value.mend
        assert refused.value.place is not None
        assert refused.value.place.line > 2
        return
    findings = list(check_cadence(series_with(line)))
    assert [found.rule for found in findings] == ([] if answer == "accepted" else [answer])
    for found in findings:
        assert (found.severity, found.place.line > 2) == (Severity.WARNING, True)
        assert mend in found.mend


@pytest.mark.parametrize(("limit", "late", "answer"), table("`hold_if_late_by`"))
def test_a_slot_that_is_late_by_as_much_as_the_guide_says_is_held_or_released(limit, late, answer) -> None:
    due_at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    is_held = late_by(due_at, due_at + duration(late), duration(limit)) is not None
    assert is_held is (answer == "held")


def test_the_dates_that_the_guide_skips_are_dates_of_its_cadence() -> None:
    series = series_with('time = "09:00"')
    assert series.cadence.skip == {date(2026, 12, 22)}
    assert list(check_cadence(series)) == []
