"""The sample letter is publishable text: placed as planned, of a good length, careful about health."""

import csv
import re
from collections import Counter
from email.utils import parseaddr
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter.content.letters import load_letter
from newsletter.domain.article import Section, count_words, reading_minutes
from newsletter.domain.blocks import Block, Button, Callout, Image, walk
from newsletter.domain.letter import Letter
from newsletter.domain.series import Issue, Series

ROOT = Path(__file__).parents[2]
MASSAGE, LOWER = "sports-massage-for-back-pain", "lower-back-relief"

#: Which sections each issue is made of, whatever their order in the mail.
PLACEMENT = {
    "lower-back": {
        MASSAGE: {"introduction", "lower-back", "is-it-ok"},
        LOWER: {"introduction", "understanding", "how-it-helps"},
    },
    "upper-back": {MASSAGE: {"upper-back", "benefits", "what-is-it"}},
    "neck": {MASSAGE: {"neck", "relief", "massage-or-chiropractor"}},
    "what-to-expect": {
        MASSAGE: {"session", "how-is-it-given", "closing"},
        LOWER: {"conclusion", "booking"},
    },
}
FIVE_WAYS = ["muscle-tension", "circulation", "range-of-motion", "stress", "your-plan"]
QUESTIONS = {
    "is-it-ok": "Is it OK to get a massage for back pain?",
    "what-is-it": "What is a sports massage for the back?",
    "how-is-it-given": "How is a back sports massage given?",
    "massage-or-chiropractor": "Massage or chiropractor?",
}
CLAIMS = re.compile(
    r"""\bcur(?:e|es|ed|ing)\b | \bheal(?:s|ed|ing)?\b | \beliminat | \brevers(?:es|ed)\b
    | \bgets?\ rid\ of\b | \bfix(?:es|ed)?\b | guarante | 100\s?% | \bforever\b | \bfor\ good\b
    | pain[- ]free | \bmiracle | \bmagic\b | \bproven\b | no\ side\ effects | completely\ safe
    | instead\ of\ surgery | \bpainkillers?\b | \btoxins?\b | \bimmun | \brealign
    | (?:studies|research)\ shows? | game.changer | ultimate | because\ you\ have""",
    re.VERBOSE | re.IGNORECASE,
)
UNHEDGED = re.compile(
    r"\b(?:relieves?|eases?|reduces?|treats?)\b[^.]{0,40}\b(?:pain|ache|soreness)", re.IGNORECASE
)


@pytest.fixture(scope="module")
def letter() -> Letter:
    return load_letter(ROOT)


@pytest.fixture(scope="module")
def series(letter: Letter) -> Series:
    return letter.series["back-pain"]


@pytest.fixture(scope="module")
def people() -> list[dict[str, str]]:
    with (ROOT / "content/subscribers/invented.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def every_issue(check):
    return pytest.mark.parametrize("issue_id", PLACEMENT)(check)


def issue_of(series: Series, issue_id: str) -> Issue:
    issue = series.issue(issue_id)
    assert issue is not None
    return issue


def section(letter: Letter, article: str, section_id: str) -> Section:
    found = letter.articles[article].section(section_id)
    assert found is not None, f"{article}#{section_id}"
    return found


def blocks_of(letter: Letter, issue: Issue) -> tuple[Block, ...]:
    sections = (section(letter, ref.article, ref.section) for ref in issue.sections)
    return tuple(block for one in sections for block in one.as_blocks())


def written(path: str) -> str:
    return (ROOT / "content" / path).read_text(encoding="utf-8")


def all_text() -> str:
    return (
        written(f"articles/{MASSAGE}.md") + written(f"articles/{LOWER}.md") + written("series/back-pain.toml")
    )


@every_issue
def test_an_issue_is_made_of_its_planned_sections(series: Series, issue_id: str) -> None:
    placed: dict[str, set[str]] = {}
    for ref in issue_of(series, issue_id).sections:
        placed.setdefault(ref.article, set()).add(ref.section)
    assert placed == PLACEMENT[issue_id]


def test_the_issues_come_in_the_planned_order(series: Series) -> None:
    assert [issue.id for issue in series.issues] == list(PLACEMENT)


def test_every_section_of_both_articles_has_a_place(letter: Letter, series: Series) -> None:
    assert letter.unplaced(series) == []
    assert series.leave_out == ()


def test_no_section_is_sent_twice(series: Series) -> None:
    times = Counter(ref for issue in series.issues for ref in issue.sections)
    assert set(times.values()) == {1}


def test_the_five_ways_stand_under_one_heading(letter: Letter) -> None:
    helps = section(letter, LOWER, "how-it-helps")
    assert [one.id for one in helps.sections] == FIVE_WAYS


@pytest.mark.parametrize(("section_id", "heading"), QUESTIONS.items())
def test_a_question_is_asked_in_the_planned_words(letter: Letter, section_id: str, heading: str) -> None:
    assert section(letter, MASSAGE, section_id).title == heading
    assert section(letter, MASSAGE, section_id).is_question


def test_the_benefits_are_six_rows_of_two_columns(letter: Letter) -> None:
    (table,) = [b for b in section(letter, MASSAGE, "benefits").as_blocks() if b.kind == "table"]
    assert [len(row) for row in table.rows] == [2] * 6


def test_a_session_has_four_steps(letter: Letter) -> None:
    (steps,) = [b for b in section(letter, MASSAGE, "session").as_blocks() if b.kind == "numbered_list"]
    assert len(steps.items) == 4


def test_every_heading_pins_its_id(letter: Letter) -> None:
    sections = [one for article in letter.articles.values() for one in article.walk() if one.heading]
    assert [one.key for one in sections if not one.pinned] == []


def test_the_whole_series_has_one_button_at_its_very_end(letter: Letter, series: Series) -> None:
    blocks = [block for issue in series.issues for block in walk(blocks_of(letter, issue))]
    buttons = [block for block in blocks if isinstance(block, Button)]
    assert [button.label for button in buttons] == ["Book a session"]
    assert blocks[-1] is buttons[0]


@every_issue
def test_an_issue_reads_in_a_few_minutes(letter: Letter, series: Series, issue_id: str) -> None:
    words = count_words(blocks_of(letter, issue_of(series, issue_id)))
    assert 400 <= words <= 1000
    assert 2 <= reading_minutes(words) <= 4


@every_issue
def test_an_issue_says_when_to_see_a_doctor(letter: Letter, series: Series, issue_id: str) -> None:
    notes = [b for b in blocks_of(letter, issue_of(series, issue_id)) if isinstance(b, Callout)]
    text = " ".join(block.content.text for note in notes for block in note.blocks)
    assert "not medical advice" in text
    assert "Call 999" in text
    assert "https://www.nhs.uk/conditions/back-pain/" in text


@every_issue
def test_an_inbox_shows_the_subject_and_the_preheader_whole(series: Series, issue_id: str) -> None:
    issue = issue_of(series, issue_id)
    assert len(issue.subject) <= 60
    assert 60 <= len(issue.preheader) <= 130
    assert issue.preheader.endswith(".")


@every_issue
def test_a_phone_shows_what_the_issue_is_about(series: Series, issue_id: str) -> None:
    topic = issue_id.replace("-", " ")
    assert topic in issue_of(series, issue_id).subject[:33].lower()


def test_the_letter_promises_nothing() -> None:
    assert [match.group() for match in CLAIMS.finditer(all_text())] == []


def test_every_effect_is_hedged() -> None:
    assert [match.group() for match in UNHEDGED.finditer(all_text())] == []


def test_the_reader_is_greeted_once() -> None:
    assert all_text().count("{{") == 1
    assert '{{ name or "there" }}' in written(f"articles/{MASSAGE}.md")


def test_every_picture_is_described(letter: Letter) -> None:
    sections = [top for article in letter.articles.values() for top in article.sections]
    images = [b for top in sections for b in walk(top.as_blocks()) if isinstance(b, Image)]
    assert len(images) == 2
    assert all(30 <= len(image.alt) <= 150 for image in images)


@pytest.mark.parametrize("name", ["resting-back", "quiet-room"])
def test_a_picture_is_sharp_and_light(name: str) -> None:
    data = (ROOT / f"content/images/{name}.png").read_bytes()
    assert int.from_bytes(data[16:20]) == 1200
    assert len(data) <= 120_000


def test_the_letter_goes_out_on_tuesdays_at_nine_in_london(series: Series) -> None:
    assert series.cadence.starts.isoformat() == "2026-12-01"
    assert series.cadence.due_at(series.cadence.starts).isoformat() == "2026-12-01T09:00:00+00:00"
    assert series.sender == "Back Care Weekly <weekly@news.example.org>"


def test_two_hundred_invented_people_read_it(people: list[dict[str, str]]) -> None:
    addresses = {person["address"] for person in people}
    assert len(people) == len(addresses) == 200
    assert all(address.isascii() and parseaddr(address)[1] == address for address in addresses)
    assert {address.split("@")[1] for address in addresses} == {"example.org", "example.com", "example.net"}


def test_they_live_in_many_zones(people: list[dict[str, str]]) -> None:
    zones = Counter(person["zone"] for person in people)
    assert len(zones) >= 8
    assert all(ZoneInfo(zone) for zone in zones)
    assert zones["Europe/London"] < 100


def test_their_names_are_as_varied_as_real_ones(people: list[dict[str, str]]) -> None:
    names = [person["name"] for person in people]
    assert "" in names
    assert any("’" in name for name in names)
    assert any("א" <= char <= "ת" for name in names for char in name)
    assert any("一" <= char <= "鿿" for name in names for char in name)
